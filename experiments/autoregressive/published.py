"""The lecture's two tables, and which of our rows stands beside which of theirs.

Both are those of Chen et al., Variational lossy autoencoder, 2017. PixelCNN's NLL is of van den
Oord et al., Pixel recurrent neural networks, 2016, PixelVAE's of Gulrajani et al., 2016.
"""

from experiments.autoregressive.runs import AF, CONFIGURED, IAF, VLAE, WARMED_UP, Cell

# NLL of the test set in nats, at most; MNIST that is binarised once.
MNIST = {
    "Normalizing flows": 85.10,
    "PixelCNN": 81.30,
    "Discrete VAE": 81.01,
    "DRAW": 80.97,
    "IAF VAE": 79.88,
    "PixelVAE": 79.66,
    "AF VAE": 79.30,
    "PixelRNN": 79.20,
    "VLAE": 79.03,
}
BESIDE = {
    "PixelCNN": Cell("nll", CONFIGURED),
    "IAF VAE": Cell("vlae", IAF),
    "PixelVAE": Cell("pixelvae", WARMED_UP),
    "AF VAE": Cell("vlae", AF),
    "VLAE": Cell("vlae", VLAE),
}

# Bits per dimension, at most; those of variational models last.
CIFAR10 = {
    "Uniform distribution": 8.00,
    "Multivariate Gaussian": 4.70,
    "NICE": 4.48,
    "Deep GMMs": 4.00,
    "Real NVP": 3.49,
    "PixelCNN": 3.14,
    "Gated PixelCNN": 3.03,
    "PixelRNN": 3.00,
    "PixelCNN++": 2.92,
    "Deep Diffusion": 5.40,
    "Convolutional DRAW": 3.58,
    "ResNet VAE with IAF": 3.11,
    "ResNet VLAE": 3.04,
    "DenseNet VLAE": 2.95,
}
CONFIGURATIONS = {"ResNet VLAE": "vlae_cifar10"}

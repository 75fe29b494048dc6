"""Parts of the lecture on likelihoods: where the KL goes, and when the code dies."""

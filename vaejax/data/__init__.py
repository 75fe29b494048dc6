"""Data sets, each a function `name(**kwargs) -> Splits`, and the loader of their batches."""

from vaejax.data.array_set import array as array
from vaejax.data.arrays import ArraySource as ArraySource
from vaejax.data.celeb_a import celeb_a as celeb_a
from vaejax.data.celeb_a_hq import celeb_a_hq as celeb_a_hq
from vaejax.data.cifar10 import cifar10 as cifar10
from vaejax.data.downsampled_imagenet import downsampled_imagenet as downsampled_imagenet
from vaejax.data.dsprites import dsprites as dsprites
from vaejax.data.folder import folder as folder
from vaejax.data.frey_faces import frey_faces as frey_faces
from vaejax.data.gaussian_pair import GaussianPair as GaussianPair
from vaejax.data.gaussian_pair import gaussian_pair as gaussian_pair
from vaejax.data.loader import batch_indices as batch_indices
from vaejax.data.loader import data_rng as data_rng
from vaejax.data.loader import eval_batches as eval_batches
from vaejax.data.loader import train_batches as train_batches
from vaejax.data.mnist import mnist as mnist
from vaejax.data.omniglot import omniglot as omniglot
from vaejax.data.omniglot_chardata import omniglot_chardata as omniglot_chardata
from vaejax.data.resident import all_records as all_records
from vaejax.data.resident import gather_batch as gather_batch
from vaejax.data.resident import indices_of_steps as indices_of_steps
from vaejax.data.source import Source as Source
from vaejax.data.source import Splits as Splits
from vaejax.data.source import Subset as Subset
from vaejax.data.source import Unseen as Unseen
from vaejax.data.source import holdout as holdout

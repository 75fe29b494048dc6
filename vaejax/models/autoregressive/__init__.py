"""Autoregressive networks over pixels, as parts of a model: `{name: "gated_pixelcnn"}`."""

from vaejax.models.autoregressive._gated_pixelcnn import gated_pixelcnn as gated_pixelcnn
from vaejax.models.autoregressive._pixelcnn_pp import pixelcnn_pp as pixelcnn_pp
from vaejax.models.autoregressive._pixelsnail import pixelsnail as pixelsnail
from vaejax.models.autoregressive.network import Outputs as Outputs
from vaejax.models.autoregressive.network import PixelNetwork as PixelNetwork
from vaejax.models.autoregressive.pixels import Pixels as Pixels

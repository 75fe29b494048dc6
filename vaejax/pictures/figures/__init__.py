"""Pictures of what a model does: arrays in, uint8 pictures [h, w, 3] (or frames of them) out."""

from vaejax.pictures.figures.grid import image_grid as image_grid
from vaejax.pictures.figures.grid import load_png as load_png
from vaejax.pictures.figures.grid import save_gif as save_gif
from vaejax.pictures.figures.grid import save_png as save_png
from vaejax.pictures.figures.panels import reconstructions as reconstructions
from vaejax.pictures.figures.panels import samples as samples
from vaejax.pictures.figures.panels import titled_rows as titled_rows
from vaejax.pictures.figures.panels import traversal_frames as traversal_frames
from vaejax.pictures.figures.panels import traversals as traversals

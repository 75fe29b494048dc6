"""One function opens pictures of all kinds: what it shows is what a viewer would."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from tests.data.picture_files import png
from vaejax.data.opening import ANIMATED, BACKGROUND, CMYK, SIXTEEN_BITS, TRANSPARENT, opened

RAMP = np.linspace(0, 65535, 28).astype(">u2")
WHITE = BACKGROUND[0]


def pixels(file, channels=3):
    picture, changes = opened(io.BytesIO(file), channels, name="x.png")
    assert picture.mode == ("RGB" if channels == 3 else "L")
    return np.asarray(picture), changes


def saved(array, kind="PNG", mode=None, **kwargs):
    file = io.BytesIO()
    picture = Image.fromarray(np.asarray(array, np.uint8))
    (picture.convert(mode) if mode else picture).save(file, kind, **kwargs)
    return file.getvalue()


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("colour_type", "columns"),
    [(0, (RAMP,)), (2, (RAMP, RAMP, RAMP)), (4, (RAMP, RAMP * 0 + 65535)), (6, (RAMP,) * 3)],
    ids=["grey", "rgb", "grey and alpha", "rgba"],
)
def test_sixteen_bits_are_scaled(channels, colour_type, columns):
    """In grey and colour alike: a ramp is a ramp, and its first 8 bits are kept exactly."""
    columns = (*columns, RAMP * 0 + 65535) if colour_type == 6 else columns
    row = np.stack(columns, axis=1).astype(">u2").tobytes()
    found, changes = pixels(png(28, 3, 16, colour_type, row), channels)
    assert changes == (SIXTEEN_BITS,)
    expected = np.broadcast_to((RAMP >> 8).astype(np.uint8), (3, 28))
    np.testing.assert_array_equal(found if channels == 1 else found[..., 1], expected)


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I"])
def test_sixteen_bits_in_any_order_of_bytes(mode):
    values = RAMP.astype({"I;16": "<u2", "I;16B": ">u2", "I": "<i4"}[mode])
    file = io.BytesIO()
    Image.frombytes(mode, (28, 1), values.tobytes()).save(file, "TIFF")  # known by its content
    np.testing.assert_array_equal(pixels(file.getvalue(), 1)[0], [RAMP >> 8])


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_few_bits_are_scaled(bits):
    """The highest value of any number of bits is white."""
    values = np.arange(16) % 2**bits
    row = np.packbits(np.unpackbits(values[:, None].astype(np.uint8), axis=1)[:, -bits:])
    found, changes = pixels(png(16, 2, bits, 0, row.tobytes()), 1)
    np.testing.assert_array_equal(found[0], values * (255 // (2**bits - 1)))
    assert changes == ()


def transparent_files():
    """By name: a file whose left half is clear, and the grey or colour of its right half."""
    left = np.arange(8) < 4
    alpha = np.where(left, 0, 255)
    for hidden in (0, 200):
        rgba = np.stack([np.where(left, hidden, 90)] * 3 + [alpha], -1).astype(np.uint8)
        la = rgba[:, 2:]
        yield f"rgba hiding {hidden}", png(8, 8, 8, 6, rgba.tobytes()), 90
        yield f"la hiding {hidden}", png(8, 8, 8, 4, la.tobytes()), 90
        deep = (257 * rgba.astype(">u2")).astype(">u2").tobytes()
        yield f"rgba16 hiding {hidden}", png(8, 8, 16, 6, deep), 90
        webp = saved(np.broadcast_to(rgba, (8, 8, 4)), "WEBP", lossless=True, exact=True)
        yield f"webp hiding {hidden}", webp, 90
    palette = (b"PLTE", bytes([0, 200, 0, 90, 90, 90]))
    indices = np.where(left, 0, 1).astype(np.uint8)
    yield "palette", png(8, 8, 8, 3, indices.tobytes(), palette, (b"tRNS", b"\0")), 90
    yield "palette of 1 bit", png(8, 8, 1, 3, b"\x0f", palette, (b"tRNS", b"\0")), 90
    yield "palette of alphas", png(8, 8, 8, 3, indices.tobytes(), palette, (b"tRNS", b"\0\xfe")), 91
    for bits, clear, shown in ((1, 0, 1), (2, 1, 2), (4, 3, 12), (8, 5, 90), (16, 70, 3000)):
        values = np.where(left, clear, shown).astype(">u2")[:, None].view(np.uint8)
        row = np.packbits(np.unpackbits(values, axis=1)[:, -bits:]).tobytes()
        grey = (b"tRNS", struct.pack(">H", clear))
        value = shown >> 8 if bits == 16 else shown * 255 // (2**bits - 1)
        yield f"one clear grey of {bits} bits", png(8, 8, bits, 0, row, grey), value
    colour = np.where(left[:, None], [3, 4, 5], [90, 90, 90]).astype(np.uint8)
    clear = (b"tRNS", struct.pack(">HHH", 3, 4, 5))
    yield "one clear colour", png(8, 8, 8, 2, colour.tobytes(), clear), 90


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("name", "file", "shown"), list(transparent_files()))
def test_transparency_is_composed_on_white(name, file, shown, channels):
    found, changes = pixels(file, channels)
    assert TRANSPARENT in changes
    assert np.all(found[:, :4] == WHITE)
    assert np.all(found[:, 4:] == shown)


def test_half_transparent_is_half_white():
    found, changes = pixels(saved(np.full((2, 2, 4), (100, 0, 50, 128))))
    expected = np.array([100, 0, 50]) * 128 / 255 + 255 * 127 / 255
    np.testing.assert_allclose(found[0, 0], expected, atol=1)
    assert changes == (TRANSPARENT,)


@pytest.mark.parametrize("channels", [1, 3])
def test_ordinary_pictures_are_as_pillow_has_them(channels):
    """Bit for bit, opaque alpha channels among them."""
    files = [saved(noise(9, 7, 3)), saved(noise(9, 7)), saved(noise(9, 7, 3), "JPEG")]
    files += [
        saved(noise(9, 7), "JPEG"),
        saved(noise(9, 7, 3), "WEBP"),
        saved(noise(9, 7, 3), mode="P"),
    ]
    for file in files:
        expected = Image.open(io.BytesIO(file)).convert("RGB" if channels == 3 else "L")
        found, changes = pixels(file, channels)
        np.testing.assert_array_equal(found, expected)
        assert changes == ()
    opaque = np.concatenate([noise(9, 7, 3), np.full((9, 7, 1), 255)], -1)
    expected = Image.fromarray(noise(9, 7, 3)).convert("RGB" if channels == 3 else "L")
    found, changes = pixels(saved(opaque), channels)
    np.testing.assert_array_equal(found, expected)
    assert changes == ()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["grey", "rgb", "grey16", "rgba"])
def test_orientation(orientation, kind):
    """The file holds what the camera saw; EXIF 6, say, that it is to be turned to the right."""
    upright = noise(6, 4)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(np.ascontiguousarray(stored))
    if kind == "grey16":
        picture = Image.fromarray(stored.astype(np.uint16) * 257)
    elif kind != "grey":
        picture = picture.convert(kind.upper())
    file = io.BytesIO()
    picture.save(file, "PNG", exif=exif)
    np.testing.assert_array_equal(pixels(file.getvalue(), 1)[0], upright)


def test_colours_of_printers_are_converted_and_told():
    file = saved(np.full((4, 4, 3), 255), "JPEG", mode="CMYK")
    found, changes = pixels(file)
    assert np.all(found > 250)
    assert changes == (CMYK,)


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_an_animation_is_its_first_frame(kind):
    frames = [Image.fromarray(np.full((4, 4, 3), value, np.uint8)) for value in (30, 200)]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], lossless=True)
    found, changes = pixels(file.getvalue())
    assert np.all(found == 30)
    assert changes == (ANIMATED,)


def refuse(file, message, channels=3):
    with pytest.raises(ValueError, match=message) as caught:
        opened(io.BytesIO(file), channels, name="some/x.png")
    assert "some/x.png" in str(caught.value)


def test_what_is_no_whole_picture():
    whole = saved(noise(30, 30, 3))
    for damage in (b"", b"<html>", whole[:20], whole[:45], whole[:-30], whole[:200] + whole[220:]):
        refuse(damage, r"^expected a whole picture, got a damaged some/x.png \(")
    refuse(saved(noise(30, 30, 3), "JPEG")[:-100], "damaged some/x.png .*truncated")


@pytest.mark.parametrize("filters", ["error", "ignore"])
def test_pictures_too_large_are_one_error(filters):
    """Beyond twice Pillow's limit it raises, beyond the limit it warns."""
    limit = Image.MAX_IMAGE_PIXELS
    for pixels_ in (4 * limit, limit + 10_000):
        file = png(pixels_ // 1000, 1000, 1, 0, b"")  # refused before a pixel is read
        with warnings.catch_warnings():
            warnings.simplefilter(filters)
            refuse(
                file, rf"^expected pictures of at most {limit:,} pixels, got a larger some/x.png"
            )


def test_text_that_unpacks_to_too_much_is_an_error():
    text = (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2**24)))
    refuse(png(8, 8, 8, 0, bytes(8), text), r"damaged some/x.png \(.*too large")


@pytest.mark.parametrize(
    ("picture", "what"),
    [
        (Image.new("F", (4, 4), 0.5), "mode F"),
        (Image.new("LAB", (4, 4)), "mode LAB"),
        (Image.new("I", (4, 4), 70_000), "values from 70000 to 70000"),
        (Image.new("I", (4, 4), -1), "values from -1 to -1"),
    ],
)
def test_pixels_without_a_range_are_refused(picture, what):
    file = io.BytesIO()
    picture.save(file, "TIFF")
    refuse(file.getvalue(), rf"^expected a picture of 8 or 16 bits, got some/x.png of {what}")


def test_a_clear_colour_of_16_bits_is_refused():
    """Pillow has dropped the bits that tell it from its neighbours."""
    file = png(28, 2, 16, 2, np.repeat(RAMP, 3).tobytes(), (b"tRNS", bytes(6)))
    refuse(file, r"^expected a picture .* some/x.png of 16-bit colours, one of them transparent")


def test_a_path_names_itself(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"damaged .*broken.png \("):
        opened(tmp_path / "broken.png", 3)


def test_postscript_is_not_run(tmp_path, monkeypatch):
    """Whatever its name: Pillow knows a file by its contents."""
    path = tmp_path / "x.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n%%EOF\n")
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *args: pytest.fail("it was run"))
    with pytest.raises(ValueError, match=r"got .*x\.png of PostScript, which is a program$"):
        opened(path, 3)

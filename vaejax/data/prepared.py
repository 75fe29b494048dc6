"""Data sets of `tensorflow_datasets` (tfds), prepared once and then read without TensorFlow.

The genuine tfds builder downloads the files, or takes those that the user has, and writes them as
`array_record`, which gives random access. That step needs TensorFlow (the extra `prepare` of
`setup.cfg`); reading, and so training, does not.
"""

import importlib.util
import io
import os
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vaejax.data.decoded import decoded
from vaejax.data.opening import opened

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

END = 2**16  # bytes of a file's beginning and end by which it is known again

Features = Mapping[str, Any]
"""A record: `tf.train.Feature` protos by name, nested names joined by `/`."""


class Records:
    """The records of one split, each decoded once and memory-mapped ever after.

    Args:
        builder: the prepared data set.
        split: one of its splits.
    """

    def __init__(self, builder: "tfds.core.DatasetBuilder", split: str):
        import tensorflow_datasets as tfds

        # Raw bytes: parsing them here takes a quarter of the time that tfds takes.
        raw = tfds.decode.DeserializeMethod.RAW_BYTES
        self._records = builder.as_data_source(split=split, deserialize_method=raw)
        self._folder = Path(builder.data_path) / "vaejax"
        self._description = f"{builder.name} {split}"
        self._split = split
        self._features = builder.info.features
        files = builder.info.splits[split].filepaths
        self._fingerprints = [_fingerprint(Path(file)) for file in files]

    def __len__(self) -> int:
        return len(self._records)

    def names(self, group: str) -> tuple[str, ...]:
        """Names of the features in a group of features, sorted."""
        return tuple(sorted(self._features[group]))

    def decoded(
        self, name: str, shape: tuple[int, ...], read: Callable[[Features], np.ndarray]
    ) -> np.ndarray:
        """What `read` makes of every record, [N, *shape] uint8; kept beside the prepared files.

        Args:
            name: names the result on the disk: another `read` needs another name.
            shape: shape of one result.
            read: turns one record into an array of this shape with values in 0..255.
        """
        from tensorflow_datasets.proto import tf_example_pb2

        def read_record(index: int) -> np.ndarray:
            try:
                example = tf_example_pb2.Example.FromString(self._records[index])
                return read(example.features.feature)
            except Exception as error:  # of a damaged record, protocol buffer or picture
                raise ValueError(
                    f"data_dir: expected whole records in {self._folder.parent}, got number "
                    f"{index} of {self._split} with {error}"
                ) from error

        path = self._folder / f"{self._split}-{name}.npy"
        description = f"{self._description}: decoding {name}"
        key = self._fingerprints  # the set may be prepared again, from other pictures
        return decoded(path, len(self), shape, read_record, description=description, key=key)


def _fingerprint(file: Path) -> tuple[int, int]:
    """Size of a file, and a checksum of its two ends: unlike times, a copy has the same."""
    size = file.stat().st_size
    with file.open("rb") as opened_file:
        first = opened_file.read(END)
        opened_file.seek(max(0, size - END))
        return size, zlib.crc32(first + opened_file.read())


def file_of(features: Features, name: str) -> bytes:
    """The bytes of an encoded picture in a record."""
    return features[name].bytes_list.value[0]


def picture_of(features: Features, name: str = "image") -> np.ndarray:
    """The encoded picture in a record, [H, W, 3] uint8."""
    return np.asarray(opened(io.BytesIO(file_of(features, name)), 3, name=name).picture)


def integers_of(features: Features, names: Sequence[str]) -> np.ndarray:
    """The values [F] of integer, label or boolean features of a record."""
    return np.array([features[name].int64_list.value[0] for name in names])


def prepared(
    name: str,
    *,
    files: Sequence[str],
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
    instead: Sequence[str] = (),
) -> dict[str, Records]:
    """The splits of a tfds data set, which is prepared first if need be and if it can be.

    Args:
        name: tfds name, with the configuration if there are several (`celeb_a_hq/256`).
        files: names of the original files that the builder starts from.
        data_dir: folder of prepared data sets; tfds' own default where None (`$TFDS_DATA_DIR`,
            `~/tensorflow_datasets`).
        manual_dir: folder with the `files`, for users who have them; None: tfds downloads them,
            where it can. Files with other contents than the official ones (a part of the data set,
            say) are taken with a warning.
        instead: lines that tell what there is for users without the data set.

    Raises:
        ValueError: the data set is not prepared and TensorFlow is not installed, or a file is
            missing in `manual_dir`, or cannot be downloaded, or the prepared files do not give
            random access. The message fits on one screen and says what to do.
    """
    import tensorflow_datasets as tfds

    data_dir = None if data_dir is None else Path(data_dir).expanduser()
    builder = tfds.builder(name, data_dir=data_dir)
    if not (Path(builder.data_path) / "dataset_info.json").is_file():
        manual_dir = None if manual_dir is None else Path(manual_dir).expanduser()
        _prepare(builder, files, manual_dir, instead)
    if tfds.core.FileFormat.ARRAY_RECORD not in builder.info.available_file_formats():
        raise ValueError(
            f"data_dir: expected {name} as array_record in {builder.data_path}, got "
            f"{builder.info.file_format.value}; another data_dir would be prepared anew"
        )
    return {split: Records(builder, split) for split in builder.info.splits}


def _prepare(
    builder: "tfds.core.DatasetBuilder",
    files: Sequence[str],
    manual_dir: Path | None,
    instead: Sequence[str],
) -> None:
    """Runs the genuine builder, with all that can go wrong found out beforehand."""
    import tensorflow_datasets as tfds

    downloads = builder.MANUAL_DOWNLOAD_INSTRUCTIONS is None
    advice = "\n".join([*_how_to_prepare(files, downloads), *instead])
    wanted = f"expected {builder.name} prepared as array_record in {builder.data_path}"
    if importlib.util.find_spec("tensorflow") is None:
        raise ValueError(f"data_dir: {wanted}, got nothing there.\n{advice}")
    if manual_dir is None and not downloads:
        raise ValueError(
            f"manual_dir: expected the folder with {', '.join(files)}, which tfds cannot download, "
            f"got None.\n{advice}"
        )
    # Without a file tfds would turn to the network, and try there for minutes.
    missing = [] if manual_dir is None else [f for f in files if not (manual_dir / f).is_file()]
    if missing:
        raise ValueError(
            f"manual_dir: expected the files of {builder.name} in {manual_dir}, "
            f"got none called {', '.join(missing)}"
        )
    registered = dict(builder.url_infos or {})
    try:
        if manual_dir is not None:
            _accept(builder, manual_dir)
        builder.download_and_prepare(
            file_format="array_record",
            download_config=tfds.download.DownloadConfig(
                manual_dir=manual_dir, try_download_gcs=False
            ),
        )
    except Exception as error:  # of the network, of the disk, of damaged files, ...
        raise ValueError(
            f"data_dir: {wanted}, got {type(error).__name__} on the way there: {error}\n{advice}"
        ) from error
    finally:
        (builder.url_infos or {}).update(registered)


def _accept(builder: "tfds.core.DatasetBuilder", manual_dir: Path) -> None:
    """Makes tfds take the files in `manual_dir` as they are, whatever their contents."""
    from tensorflow_datasets.core.download import checksums

    for url, official in (builder.url_infos or {}).items():
        if official.filename and (manual_dir / official.filename).is_file():
            found = checksums.compute_url_info(manual_dir / official.filename)
            if found != official:
                warnings.warn(
                    f"{found.filename} is not the official file ({found.size}, "
                    f"expected {official.size}); it is taken as it is",
                    stacklevel=2,
                )
                builder.url_infos[url] = found


def _how_to_prepare(files: Sequence[str], downloads: bool) -> list[str]:
    if downloads:
        source = [
            "and run the same command again. The files are downloaded; if that fails, or you have",
            "them, put them into one folder and name it, --config.data.manual_dir=FOLDER:",
        ]
    else:
        source = [
            "and run the same command again with --config.data.manual_dir=FOLDER, a folder with",
            "what cannot be downloaded automatically:",
        ]
    return [
        "To prepare it, once, install TensorFlow (nothing but this step needs it)",
        "    pip install 'vaejax[prepare]'",
        *source,
        *(f"    {file}" for file in files),
        "If it is prepared elsewhere, name the folder that holds its folder,",
        "--config.data.data_dir=FOLDER.",
    ]

"""Writes a tfds data set as its genuine builder would, byte for byte but without TensorFlow."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_module import ArrayRecordWriter
from PIL import Image
from tensorflow_datasets.proto import tf_example_pb2, tf_feature_pb2

Record = Mapping[str, bytes | int]
"""Values by feature name; the names of nested features are joined by `/`."""


def write_prepared(
    builder: tfds.core.DatasetBuilder, splits: Mapping[str, Sequence[Record]]
) -> Path:
    """Writes the records of every split as `array_record` and returns the folder they are in."""
    folder = Path(builder.data_path)
    folder.mkdir(parents=True)
    infos = []
    for split, records in splits.items():
        template = tfds.core.ShardedFileTemplate(
            data_dir=builder.data_path,
            dataset_name=builder.name,
            split=split,
            filetype_suffix="array_record",
        )
        path = template.sharded_filepath(shard_index=0, num_shards=1)
        writer = ArrayRecordWriter(str(path), "group_size:1")
        serialized = [_example(record).SerializeToString() for record in records]
        for example in serialized:
            writer.write(example)
        writer.close()
        infos.append(
            tfds.core.SplitInfo(
                name=split,
                shard_lengths=[len(serialized)],
                num_bytes=sum(map(len, serialized)),
                filename_template=template,
            )
        )
    builder.info.set_file_format("array_record", override=True)
    builder.info.set_splits(tfds.core.splits.SplitDict(infos))
    builder.info.write_to_directory(folder)
    return folder


def picture(seed: int) -> bytes:
    """A JPEG file of CelebA's size, smooth enough to survive it."""
    small = np.random.default_rng(seed).integers(0, 256, (12, 10, 3)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(small).resize((178, 218)).save(file, "JPEG", quality=95)
    return file.getvalue()


def png(seed: int, size: int) -> bytes:
    """A PNG file of random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def pixels_of(file: bytes) -> np.ndarray:
    """The pixels [H, W, 3] of a picture file."""
    return np.asarray(Image.open(io.BytesIO(file)))


def write_pngs(
    data_dir: Path, name: str, sizes: Mapping[str, int], image_size: int, **others: int | bytes
) -> dict[str, list[bytes]]:
    """A data set of PNG files, `sizes[split]` in each split; returns them.

    Args:
        data_dir: folder of prepared data sets.
        name: of the data set, with its configuration.
        sizes: number of records by split.
        image_size: pixels a side.
        **others: features that every record has besides its `image`.
    """
    seeds = iter(range(sum(sizes.values())))
    pictures = {
        split: [png(next(seeds), image_size) for _ in range(number)]
        for split, number in sizes.items()
    }
    records = {
        split: [{"image": picture, **others} for picture in pictures[split]] for split in sizes
    }
    write_prepared(tfds.builder(name, data_dir=data_dir), records)
    return pictures


def write_celeb_a(data_dir: Path) -> dict[str, list[bytes]]:
    """A tiny CelebA; returns its JPEG files by split. Attribute k of record i is bit i of k."""
    builder = tfds.builder("celeb_a", data_dir=data_dir)
    names = sorted(builder.info.features["attributes"])
    pictures = {"train": [picture(i) for i in range(6)], "validation": [picture(6)]}
    pictures["test"] = [picture(7), picture(8)]
    records = {
        split: [
            {"image": jpeg} | {f"attributes/{name}": k >> i & 1 for k, name in enumerate(names)}
            for i, jpeg in enumerate(jpegs)
        ]
        for split, jpegs in pictures.items()
    }
    write_prepared(builder, records)
    return pictures


def _example(record: Record) -> tf_example_pb2.Example:
    example = tf_example_pb2.Example()
    for name, value in record.items():
        if isinstance(value, bytes):
            feature = tf_feature_pb2.Feature(bytes_list=tf_feature_pb2.BytesList(value=[value]))
        else:
            feature = tf_feature_pb2.Feature(int64_list=tf_feature_pb2.Int64List(value=[value]))
        example.features.feature[name].CopyFrom(feature)
    return example

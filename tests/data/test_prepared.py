"""What happens where a tfds data set is not prepared, until TensorFlow takes over."""

import pytest
import tensorflow_datasets as tfds

from tests.data.tfds_files import write_prepared
from vaejax.data.prepared import prepared

FILES = ("cifar-10-binary.tar.gz",)


def cifar10(data_dir):
    return tfds.builder("cifar10", data_dir=data_dir)


@pytest.fixture
def build(monkeypatch):
    """Lets `download_and_prepare` run a function of the builder and its settings instead."""

    def replace_by(function):
        def download_and_prepare(self, *, file_format, download_config):
            assert file_format == "array_record" and not download_config.try_download_gcs
            function(self, download_config)

        cls = tfds.core.DatasetBuilder
        monkeypatch.setattr(cls, "download_and_prepare", download_and_prepare)

    return replace_by


def test_without_tensorflow_says_what_to_install_and_where_files_go(tensorflow, tmp_path):
    tensorflow(False)
    with pytest.raises(ValueError, match=r"^data_dir: expected cifar10 prepared") as caught:
        prepared("cifar10", files=FILES, data_dir=tmp_path)
    message = str(caught.value)
    for expected in (str(tmp_path), "pip install 'vaejax[prepare]'", "manual_dir", *FILES):
        assert expected in message
    assert len(message.splitlines()) < 20
    assert "--config=" not in message  # no run is offered that has nothing to do with the data set
    with pytest.raises(ValueError, match="\nTake sprites.$"):
        prepared("cifar10", files=FILES, data_dir=tmp_path, instead=("Take sprites.",))


def test_what_tfds_cannot_download_has_to_be_named(tensorflow, tmp_path):
    tensorflow(True)
    files = ("data32x32.tar",)
    with pytest.raises(ValueError, match=r"^manual_dir: expected .* data32x32\.tar, ") as caught:
        prepared("celeb_a_hq/32", files=files, data_dir=tmp_path)
    assert "The files are downloaded" not in str(caught.value)
    tensorflow(False)
    with pytest.raises(ValueError, match=r"^data_dir: expected celeb_a_hq ") as caught:
        prepared("celeb_a_hq/32", files=files, data_dir=tmp_path)
    assert "The files are downloaded" not in str(caught.value)


def test_missing_file_is_named(tensorflow, tmp_path):
    tensorflow(True)
    (tmp_path / "a.txt").touch()
    with pytest.raises(
        ValueError, match=r"^manual_dir: expected .* got none called b\.txt, c\.txt$"
    ):
        prepared(
            "cifar10", files=("a.txt", "b.txt", "c.txt"), data_dir=tmp_path, manual_dir=tmp_path
        )


def test_files_of_the_user_are_taken_with_a_warning(tensorflow, build, tmp_path):
    """The builder sees their checksums, and the official ones are back afterwards."""
    tensorflow(True)
    (tmp_path / FILES[0]).write_bytes(b"ten bytes.")
    seen = []

    def record(builder, config):
        seen.extend((info.size, info.filename) for info in builder.url_infos.values())
        assert config.manual_dir == tmp_path
        write_prepared(builder, {"train": [{"label": 3}], "test": [{"label": 4}]})

    build(record)
    with pytest.warns(
        UserWarning, match=r"cifar-10-binary.tar.gz is not the official file \(10 bytes, "
    ):
        splits = prepared("cifar10", files=FILES, data_dir=tmp_path, manual_dir=tmp_path)
    assert {name: len(records) for name, records in splits.items()} == {"train": 1, "test": 1}
    assert seen == [(10, FILES[0])]
    (official,) = cifar10(tmp_path).url_infos.values()
    assert official.size == 170052171


def test_a_failed_preparation_tells_the_other_way(tensorflow, build, tmp_path):
    tensorflow(True)

    def fail(builder, config):
        raise ConnectionError("no network")

    build(fail)
    with pytest.raises(ValueError, match=r"^data_dir: .* ConnectionError .*: no network") as caught:
        prepared("cifar10", files=FILES, data_dir=tmp_path)
    assert FILES[0] in str(caught.value)
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_other_formats_are_refused(tmp_path):
    folder = write_prepared(cifar10(tmp_path), {"train": [{"label": 3}]})
    info = folder / "dataset_info.json"
    info.write_text(info.read_text().replace("array_record", "tfrecord"))
    with pytest.raises(
        ValueError, match=r"^data_dir: expected cifar10 as array_record .* tfrecord"
    ):
        prepared("cifar10", files=FILES, data_dir=tmp_path)

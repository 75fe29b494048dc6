"""What a configuration file may be, and what is said of one that is none."""

import pytest

from vaejax.runs.config import ConfigError
from vaejax.runs.config_file import load_config
from vaejax.runs.config_paths import FOLDER, config_names, config_path

HEAD = "from vaejax.runs.config import run_config\n"
GOOD = HEAD + "def get_config(variant=''):\n    return run_config(train=dict(seed=len(variant)))\n"


@pytest.fixture
def load(tmp_path):
    """A function that writes a file and loads it."""

    def write_and_load(text, variant=""):
        path = tmp_path / "c.py"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return load_config(f"{path}{variant}")

    return write_and_load


def test_a_file_with_and_without_a_variant(load):
    assert load(GOOD).train.seed == 0
    assert load(GOOD, ":").train.seed == 0
    assert load(GOOD, ":big").train.seed == 3
    assert load(GOOD, ":a:b/c").train.seed == 5  # the first colon counts
    assert load(GOOD).is_locked


ARGUMENTS = HEAD + (
    "def get_config(variant='', *, data, size='64'):\n"
    "    return run_config(train=dict(seed=int(size)), data=dict(name=data))\n"
)


def test_arguments_are_those_that_the_file_names(tmp_path):
    path = tmp_path / "c.py"
    path.write_text(ARGUMENTS)
    assert load_config(str(path), {"data": "mnist"}).data.name == "mnist"
    assert load_config(f"{path}:x", {"data": "mnist", "size": "3"}).train.seed == 3
    with pytest.raises(ConfigError, match=r"^--data: expected a value, .*c.py asks, got none"):
        load_config(str(path), {"size": "3"})
    path.write_text(GOOD)
    with pytest.raises(ConfigError, match=r"^--data: expected none with --config=.*c.py, .*'here'"):
        load_config(str(path), {"data": "here"})
    with pytest.raises(ConfigError, match=r"^--variant: expected none"):
        load_config(str(path), {"variant": "here"})


def test_a_dict_is_understood(load):
    config = load("def get_config():\n    return dict(train=dict(seed=3))\n")
    assert config.train.seed == 3 and config.train.batch_size == 64 and config.is_locked


def test_a_changed_file_is_read_again(load):
    assert load(GOOD).train.seed == 0
    assert load(GOOD.replace("len(variant)", "1 + 4 * 3 *1")).train.seed == 13  # of the same length


@pytest.mark.parametrize(
    ("text", "variant", "message"),
    [
        ("x = 1\n", "", "--config: expected a function get_config in .*c.py, got none"),
        ("get_config = 5\n", "", "--config: expected a function get_config in .*c.py, got 5"),
        (
            "def get_config():\n    pass\n",
            "",
            "--config: expected .* to return run_config.*, got N",
        ),
        ("def get_config():\n    return 7\n", "", "--config: expected .* run_config.*, got 7"),
        ("def get_config():\n    return 1 / 0\n", "", "c.py, line 2: ZeroDivisionError: division"),
        ("import not_there\n", "", "c.py, line 1: ModuleNotFoundError: No module named 'not_th"),
        ("\ndef get_config(:\n", "", "c.py, line 2: SyntaxError: invalid syntax"),
        ("def get_config():\nreturn 1\n", "", "c.py, line 2: IndentationError: "),
        ("raise KeyError('beta')\n", "", "c.py, line 1: KeyError: 'beta'"),
        ("def get_config():\n    return open('/none')\n", "", "line 2: FileNotFoundError: .*none"),
        (b"\xff\xfe\x00", "", "c.py.*: SyntaxError: "),
        ("def get_config():\n    return {}\n", ":big", "expected .*c.py without a variant"),
        ("def get_config(v):\n    return {}\n", "", "expected .*c.py:VARIANT, .*, got .*c.py$"),
        (
            HEAD + "def get_config():\n    return run_config(trian={})\n",
            "",
            "^config.trian: unknow",
        ),
        ("def get_config():\n    return dict(data='mnist')\n", "", "^config.data: expected a sect"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(load, text, variant, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load(text, variant)
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_no_file(tmp_path):
    for text, message in [
        ("", "--config: expected FILE or FILE:VARIANT, got ''"),
        (":big", "--config: expected FILE or FILE:VARIANT, got ':big'"),
        (f"{tmp_path}", "--config: expected a Python file to read, got the folder"),
        (f"{tmp_path}/none.py", "--config: expected a Python file to read, got .*No such file"),
    ]:
        with pytest.raises(ConfigError, match=message):
            load_config(text)


@pytest.mark.parametrize("name", ["quickstart", "quickstart.py", "configs/quickstart.py"])
def test_ours_are_found_by_name_from_any_folder(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_config(f"{name}:smoke").train.num_steps == 6
    (tmp_path / "quickstart").mkdir()  # a folder of runs, say
    assert config_path(name) == FOLDER / "quickstart.py"


def test_a_file_that_is_there_comes_before_ours(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart.py").write_text(GOOD)
    assert load_config("quickstart.py:big").train.seed == 3
    assert load_config("quickstart").train.num_steps == 2_500


def test_names_are_those_of_the_files():
    assert {"quickstart", "nvae_celeba"} <= set(config_names())
    assert all(config_path(name).is_file() for name in config_names())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "quikstart",
            "got 'quikstart'; did you mean 'quickstart'. ours are betatcvae_dsprites, .*vae_mnist",
        ),
        ("configs/nvae_celba.py", "got 'configs/nvae_celba.py'; did you mean 'nvae_celeba'"),
        ("zzz", "got 'zzz'; ours are betatcvae_dsprites, .*quickstart"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(name, message):
    with pytest.raises(ConfigError, match=f"^--config: expected a file, .*{message}"):
        load_config(name)

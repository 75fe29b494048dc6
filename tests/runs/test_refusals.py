"""Bad inputs are refused in one line that names the key, before anything compiles; or understood.

Every case goes through the command line, in this process. A case of the second table is a value in
the configuration file, where everything can be written.
"""

import contextlib
import re
import sys
import time

import pytest
from absl import flags

from vaejax import main as program
from vaejax.runs import loop as train  # noqa: F401  (slow to import; no case has to wait for it)
from vaejax.runs import modes  # noqa: F401  (slow to import; no case has to wait for it)

SECONDS = 2.0  # of CPU

CONFIG = """
import pathlib
import numpy as np
from vaejax.runs.config import run_config
nan, inf = float("nan"), float("inf")
def schedule(name, **arguments):
    return dict(name=name, **arguments)
def get_config(variant=""):
    sections = dict(
        data=dict(name="array", path={path!r}, key=None),
        model=dict(name="ConvVAE", preset="burda", latent_size=2),
        objective=dict(name="elbo", beta=1.0),
        optimizer=dict(name="adam", learning_rate=1e-3),
        train=dict(num_steps=4, batch_size=8, log_every=2, eval_every=4),
        eval=dict(bound=dict(split="test", batch_size=8, num_examples=None)),
    )
    {change}
    return run_config(variant, {{"small": {{"train.num_steps": 2}}}}, **sections)
"""


@pytest.fixture
def parse_anew(monkeypatch, tmp_path):
    """A function that runs the command line; flags and settings of the process stay as they are."""
    monkeypatch.setattr(program, "keep_freed_memory", lambda: None)
    monkeypatch.setattr(program, "keep_compiled_programs", lambda: None)
    monkeypatch.setattr(program, "alarms_hidden", contextlib.nullcontext)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["main.py", *arguments])
        program.main()

    before = set(flags.FLAGS)
    yield run
    for name in set(flags.FLAGS) - before:  # those of overrides
        delattr(flags.FLAGS, name)
    flags.FLAGS.unparse_flags()
    for name in before:
        flags.FLAGS[name].unparse()


@pytest.fixture
def write(tmp_path, bar_images):
    """A function that writes the configuration, changed by a line of Python, and says where."""

    def write(change="pass"):
        text = CONFIG.format(path=str(bar_images), change=change)
        (tmp_path / "c.py").write_text(text)
        return "c.py"

    return write


def refusal(run, *arguments):
    """The line with which a command ends."""
    start = time.process_time()
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    spent = time.process_time() - start
    text = ended.value.code
    assert isinstance(text, str), text  # which the interpreter prints, and exits with 1
    assert text.startswith("error: ") and "Traceback" not in text
    assert spent < SECONDS, f"{spent:.1f} s"
    return text.removeprefix("error: ")


RUN = "--config=c.py --workdir=w"
UNKNOWN_SECTION = "config.foo: unknown 'foo'; did you mean .* Valid: .*'objective'"
NO_FOLDER = "--workdir: expected a folder, got"
TEMPERATURE = "--temperature: expected numbers >= 0, got"
NO_CONFIG = "expected --config and --workdir"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        # Keys that there are not.
        ("RUN --config.foo=1", UNKNOWN_SECTION),
        ("RUN --config.foo.x=1", UNKNOWN_SECTION),
        ("--config c.py --workdir w --config.foo.x=1", UNKNOWN_SECTION),
        ("--config c.py --workdir w --config.foo.x 1", UNKNOWN_SECTION),
        ("-config c.py -workdir w -config.foo.x 1", UNKNOWN_SECTION),
        ("RUN --noconfig.foo.x", UNKNOWN_SECTION),
        ("--flagfile=foo.flags", UNKNOWN_SECTION),
        ("--config c.py --workdir w --config.objective.bta 1", "config.objective.bta: .* 'beta'"),
        ("--config=c.py:small --workdir=w --config.train.sed=1", "config.train.sed: .* 'seed'"),
        ("RUN --config.eval.bond.split=a", "config.eval.bond: .* 'bound'"),
        ("RUN --config.objective.beta.x=1", "config.objective.beta: expected"),
        ("RUN --config.=1", "config.: unknown ''"),
        ("RUN --config..x=1", "config.: unknown ''"),
        ("RUN --config.optimizer.b1=1", "config.optimizer.b1: expected a number in .0, 1."),
        ("RUN --config.optimizer.players=1", "config.optimizer.players: expected"),
        # Values of another type.
        ("RUN --config.objective.beta=", "config.objective.beta: expected float.*, got ''"),
        ("RUN --config.objective.beta=one", "config.objective.beta: expected float or Sch"),
        ("RUN --config.objective.beta", "config.objective.beta: expected a value, got none"),
        ("RUN --config.objective=elbow", "config.objective.name: unknown 'elbow'; .*'elbo'"),
        ("RUN --config.train=elbo", "config.train: expected a key below it, got 'elbo'"),
        ("RUN --config.train.num_steps=1e3", "config.train.num_steps: expected int, got '1e3'"),
        ("RUN --config.model.latent_size=(2,3)", "config.model.latent_size: expected int, got"),
        ("RUN --config.data.flip=maybe", "config.data.flip: expected bool, got 'maybe'"),
        # Values that cannot be.
        ("RUN --config.objective.beta=nan", "config.objective.beta: expected a number"),
        ("RUN --config.objective.beta=inf", "config.objective.beta: expected a number"),
        ("RUN --config.objective.beta=1e999", "config.objective.beta: expected"),
        ("RUN --config.objective.beta=-1", "config.objective.beta: expected a number"),
        ("RUN --config.optimizer.learning_rate=0", "config.optimizer.learning_rate: expected"),
        ("RUN --config.optimizer.learning_rate=inf", "config.optimizer.learning_rate: expected"),
        ("RUN --config.optimizer.clip_norm=nan", "config.optimizer.clip_norm: expected"),
        ("RUN --config.train.ema_decay=1", "config.train.ema_decay: expected"),
        ("RUN --config.train.batch_size=0", "config.train.batch_size: expected"),
        ("RUN --config.train.batch_size=12", "config.train.batch_size: .* 8 devices"),
        ("RUN --config.train.num_steps=-5", "config.train.num_steps: expected"),
        ("RUN --config.train.split=trian", "config.train.split: .*'train'"),
        ("RUN --config.model.preset=", "config.model.preset: expected one"),
        ("RUN --config.model.preset=higgins", "config.model.image_shape: .*16"),
        ("RUN --config.model.latent_size=0", "config.model.latent_size: expected"),
        ("RUN --config.data.path=", "config.data.path: expected"),
        ("RUN --config.data.name=mnits", "config.data.name: .*'mnist'"),
        # Folders.
        ("--config=c.py --workdir=", f"{NO_FOLDER} '', nothing"),
        ("--workdir=", f"{NO_FOLDER} '', nothing"),
        ("--config=c.py --workdir= --mode=sample", f"{NO_FOLDER} '', nothing"),
        ("--config=c.py --workdir=c.py", f"{NO_FOLDER} 'c.py', a file"),
        ("--workdir=c.py", f"{NO_FOLDER} 'c.py', a file"),
        ("--config=c.py --workdir=c.py --mode=evaluate", f"{NO_FOLDER} 'c.py', a file"),
        ("--config=c.py --workdir=c.py/run", "--workdir: expected a folder to write to"),
        ("--config=c.py --workdir=c.py/run --mode=evaluate", "--workdir: expected a fold"),
        ("--config=c.py --workdir=~no_such_user/x", f"{NO_FOLDER} '~no_such_user/x'"),
        (f"--config=c.py --workdir={'x' * 300}", f"{NO_FOLDER} 'xxx"),
        ("--workdir=w", NO_CONFIG),
        ("--config=c.py", NO_CONFIG),
        ("", NO_CONFIG),
        ("RUN --mode=evaluate", "--workdir: expected a folder with checkpoints"),
        # Files.
        ("--config= --workdir=w", "--config: expected FILE or FILE:VARIANT, got ''"),
        ("--config=none.py --workdir=w", "--config: expected a file, or .*, got 'none.py'"),
        ("--config=. --workdir=w", "--config: expected a Python file to read, got the folder ."),
        ("--config --workdir=w", "--config: expected a file, or .*, got '--workdir=w'"),
        ("--config=c.py:big --workdir=w", "variant: expected one of .'small'., got 'big'"),
        ("--flagfile=none.flags", "none.flags"),
        ("--flagfile", "--flagfile"),
        # Flags.
        ("RUN --temprature=1", "temprature.*temperature"),
        ("RUN --mode=trian", "--mode=trian: .*train"),
        ("RUN --mode=", "--mode=: .*train"),
        ("RUN --checkpoint=newest", "--checkpoint=newest: .*latest"),
        ("RUN --shared_groups=1.5", "--shared_groups=1.5"),
        ("RUN stray", "expected flags only, got .'stray'."),
        ("quickstart:smoke", "expected flags only, .* did you mean --config=quickstart:smoke"),
        ("--workdir=w --mode=sample", f"{NO_CONFIG}; there is no run in w"),

        ("RUN --mode=sample --temperature=nan", f"{TEMPERATURE} .nan."),
        ("RUN --mode=sample --temperature=inf", f"{TEMPERATURE} .inf."),
        ("RUN --mode=sample --temperature=-1", f"{TEMPERATURE} .-1.0."),
        ("RUN --mode=sample --temperature=1,nan", f"{TEMPERATURE} .1.0, nan."),
        ("RUN --mode=sample --temperature=", f"{TEMPERATURE} .."),
        ("RUN --mode=sample --temperature=warm", "--temperature: expected a number"),
        ("RUN --mode=sample --temperature=1,,1", "--temperature: expected a number"),
    ],
)  # fmt: skip
def test_a_bad_command_line_is_refused(parse_anew, write, tmp_path, line, message):
    write()
    (tmp_path / "foo.flags").write_text("--config=c.py\n--workdir=w\n--config.foo=1\n")
    assert_matches(refusal(parse_anew, *line.replace("RUN", RUN).split()), message)
    assert not (tmp_path / "w").exists()


def assert_matches(text, message):
    assert re.search(message, text), text


RATE = "sections['optimizer']['learning_rate'] = "
BETA = "sections['objective']['beta'] = "
LINEAR = "schedule('linear_schedule', init_value={}, end_value={}, transition_steps={})"
AT_RATE, AT_BETA = "^config.optimizer.learning_rate", "^config.objective.beta"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        # Schedules.
        (RATE + LINEAR.format(1.0, 0.0, 0), f"{AT_RATE}.transition_steps: expected a number > 0"),
        (RATE + LINEAR.format(1.0, 0.0, -3), f"{AT_RATE}.transition_steps: expected a number > 0"),
        (RATE + LINEAR.format(1.0, 0.0, 1.5), f"{AT_RATE}.transition_steps: expected int"),
        (RATE + LINEAR.format(1.0, 0.0, "'9'"), f"{AT_RATE}.transition_steps: expected int"),
        (RATE + LINEAR.format("inf", 0.0, 9), f"{AT_RATE}.init_value: expected a number >= 0"),
        (RATE + LINEAR.format("nan", 0.0, 9), f"{AT_RATE}.init_value: expected a number, got nan"),
        (RATE + LINEAR.format(1.0, -1.0, 9), f"{AT_RATE}.end_value: expected a number >= 0"),
        (RATE + LINEAR.format("'1'", 0.0, 9), f"{AT_RATE}.init_value: expected"),
        (BETA + LINEAR.format(1.0, 0.0, 0), f"{AT_BETA}.transition_steps: expected a number > 0"),
        (BETA + LINEAR.format("inf", 1.0, 9), f"{AT_BETA}.init_value: expected a number >= 0"),
        (RATE + "schedule('linear_schdule')", f"{AT_RATE}.name: unknown .* 'linear_schedule'"),
        (RATE + "schedule('check_number')", f"{AT_RATE}.name: unknown 'check_number'"),
        (RATE + "schedule('linear_schedule')", f"{AT_RATE}.init_value: expected a value, got none"),
        (RATE + "schedule(None)", f"{AT_RATE}.name: unknown None"),
        (RATE + "schedule('constant_schedule', value=inf)", f"{AT_RATE}.value: expected"),
        (
            RATE + "schedule('cosine_decay_schedule', init_value=1e-3, decay_steps=0)",
            f"{AT_RATE}.decay_steps: expected a number > 0",
        ),
        (
            RATE
            + "schedule('exponential_decay', init_value=1.0, transition_steps=9, decay_rate=0)",
            f"{AT_RATE}.decay_rate: expected a number > 0",
        ),
        (
            RATE + "schedule('warmup_cosine_decay_schedule', init_value=0.0, peak_value=1.0,"
            " warmup_steps=9, decay_steps=9)",
            f"{AT_RATE}.decay_steps: expected a number > warmup_steps = 9, got 9",
        ),
        (
            RATE + "schedule('piecewise_constant_schedule', init_value=1.0,"
            " boundaries_and_scales={'soon': 0.5})",
            f"{AT_RATE}.boundaries_and_scales: expected steps >= 1, got 'soon'",
        ),
        (
            BETA + "schedule('warm_up', num_steps=0.0)",
            f"{AT_BETA}.num_steps: expected a number > 0",
        ),
        (
            BETA + "schedule('warm_up', num_steps=inf)",
            f"{AT_BETA}.num_steps: expected a number > 0",
        ),
        (BETA + "schedule('warm_up', num_steps=9.0, minimum=2.0)", f"{AT_BETA}.minimum: expected"),
        (
            RATE + "schedule('nvae_learning_rate', peak=1.0, num_epochs=9, steps_per_epoch=0)",
            f"{AT_RATE}.steps_per_epoch: expected at least 1, got 0",
        ),
        # Numbers.
        (RATE + "inf", f"{AT_RATE}: expected a number > 0"),
        (RATE + "-1e-3", f"{AT_RATE}: expected a number > 0"),
        (RATE + "'1e-3'", f"{AT_RATE}: expected .*got '1e-3'"),
        (RATE + "True", f"{AT_RATE}: expected .*got True"),
        (RATE + "None", f"{AT_RATE}: expected"),
        (BETA + "'4'", f"{AT_BETA}: expected .*got '4'"),
        (BETA + "nan", f"{AT_BETA}: expected a number, got nan"),
        (BETA + "np.float32('inf')", f"{AT_BETA}: expected a number >= 0"),
        (BETA + "np.array([1.0, 2.0])", f"{AT_BETA}: expected .*got .1.0, 2.0."),
        (BETA + "lambda step: 1.0", f"{AT_BETA}: expected .*of type function"),
        (BETA + "{1, 2}", f"{AT_BETA}: expected .*of type set"),
        (BETA + "b'x'", f"{AT_BETA}: expected .*of type bytes"),
        ("sections['optimizer']['b1'] = 1.0", "^config.optimizer.b1: expected a number in .0, 1."),
        ("sections['optimizer']['b1'] = '0.9'", "^config.optimizer.b1: expected a number in"),
        ("sections['optimizer']['eps'] = -1.0", "^config.optimizer.eps: expected a number >= 0"),
        ("sections['optimizer']['nesterov'] = 1", "^config.optimizer.nesterov: expected True or F"),
        ("sections['optimizer']['mu_dtype'] = 'f33'", "^config.optimizer.mu_dtype: expected the n"),
        ("sections['optimizer']['bta1'] = 0.9", "^config.optimizer.bta1: unknown; .* 'b1'"),
        ("sections['optimizer']['players'] = 3", "^config.optimizer.players: expected"),
        ("sections['optimizer']['players'] = dict(a=3)", "^config.optimizer.players: expected"),
        (
            "sections['optimizer']['players'] = dict(critic=dict(sections['optimizer']))",
            "^config.optimizer.players: expected some of .'model'., got 'critic'",
        ),
        (
            "sections['optimizer']['players'] = dict(model=dict(name='adm', learning_rate=1.0))",
            "^config.optimizer.players.model.name: expected one of",
        ),
        (
            "sections['optimizer']['players'] = dict(model=dict(name='adam'))",
            "^config.optimizer.players.model.learning_rate: expected a value, got none",
        ),
        ("sections['train']['num_steps'] = 1e3", "^config.train.num_steps: expected int, got 1000"),
        (
            "sections['train']['num_steps'] = '10'",
            "^config.train.num_steps: expected int, got '10'",
        ),
        ("sections['train']['seed'] = True", "^config.train.seed: expected int, got True"),
        ("sections['train']['seed'] = 2**32", "^config.train.seed: expected a number in"),
        ("sections['train']['skip_factor'] = nan", "^config.train.skip_factor: expected"),
        ("sections['model']['latent_size'] = 2.0", "^config.model.latent_size: expected int"),
        ("sections['model']['latent_size'] = -2", "^config.model.latent_size: expected"),
        ("sections['model']['likelihood'] = 'normal'", "^config.model.likelihood.name: unknown"),
        (
            "sections['model']['likelihood'] = dict(name='gaussian', scale=inf)",
            "^config.model.likelihood.scale: expected a positive number",
        ),
        ("sections['model']['image_shape'] = [8, 8]", "^config.model.image_shape: expected"),
        (
            "sections['eval']['bound']['num_examples'] = 0",
            "^config.eval.bound.num_examples: expect",
        ),
        ("sections['eval']['bound']['splt'] = 'a'", "^config.eval.bound.splt: unknown .* 'split'"),
        # Sections.
        ("sections['foo'] = {}", "^config.foo: unknown 'foo'; did you mean"),
        ("sections['foo'] = 3", "^config.foo: unknown 'foo'; did you mean"),
        ("sections['objectives'] = sections.pop('objective')", "^config.objectives: .*'objective'"),
        ("del sections['objective']", "^config.objective: expected a section of that name, got no"),
        ("sections['data'] = 'mnist'", "^config.data: expected a section, .* got 'mnist'"),
        ("sections['train'] = None", "^config.train: expected a section, .* got None"),
        ("sections['eval'] = ['bound']", "^config.eval: expected a section"),
        ("sections['eval']['bound'] = 8", "^config.eval.bound: expected a section, .* got 8"),
        ("sections['eval']['bond'] = {}", "^config.eval.bond.name: unknown 'bond'; .* 'bound'"),
        ("sections['data'] = dict(name='loader')", "^config.data.name: unknown 'loader'"),
        (
            "sections['data'] = dict(name='arrays')",
            "^config.data.name: unknown 'arrays'; .*'array'",
        ),
        ("sections['data'] = dict(name={})", "^config.data.name: unknown {}"),
        ("sections['data'] = dict(name=['mnist'])", "^config.data.name: unknown"),
        ("sections['data']['pth'] = 'x'", "^config.data.pth: unknown 'pth'; did you mean 'path'"),
        ("sections['objective'][3] = 4", "^config.objective: expected text as keys, got 3"),
        ("sections = 3", "TypeError"),
    ],
)
def test_a_bad_value_in_the_file_is_refused(parse_anew, write, tmp_path, change, message):
    text = refusal(parse_anew, f"--config={write(change)}", "--workdir=w")
    assert len(text.splitlines()) == 1
    assert_matches(text, message)
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("change", "flags_given"),
    [
        ("sections['objective']['beta'] = np.float32(4)", []),
        ("sections['data']['path'] = pathlib.Path(sections['data']['path'])", []),
        ("sections['train']['num_steps'] = np.int64(4)", []),
        ("sections['model']['image_shape'] = np.array([8, 8, 1])", []),
        ("sections['optimizer']['clip_norm'] = 1", []),
        ("return sections", ["--config.train.seed=3"]),
        ("pass", ["--config.train.skip_factor=inf"]),  # refuses what is not finite, no more
        ("pass", ["--config.objective.beta", "3"]),
        ("pass", ["--config.objective=iwae:num_samples=2"]),
        ("pass", ["--flagfile=seed.flags"]),
    ],
)
def test_what_can_be_understood_is(parse_anew, write, tmp_path, monkeypatch, change, flags_given):
    trained = []
    monkeypatch.setattr("vaejax.runs.loop.train", lambda config, workdir: trained.append(config))
    (tmp_path / "seed.flags").write_text("--config.train.seed=3\n--config.objective.beta=2\n")
    parse_anew("--config", write(change), "--workdir", "w", *flags_given)
    from vaejax.runs.setup import build

    (config,) = trained
    build(config)
    if "seed" in str(flags_given):
        assert config.train.seed == 3
    if flags_given == ["--config.objective.beta", "3"]:
        assert config.objective.beta == 3.0


def test_a_folder_that_cannot_be_written_to_is_told(parse_anew, write, tmp_path):
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "checkpoints").write_text("where a folder belongs")
    text = refusal(parse_anew, f"--config={write()}", "--workdir=w")
    assert re.match("--workdir: expected a folder to write to, got .*checkpoints", text)

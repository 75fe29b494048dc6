"""Who shares a program with whom."""

import pytest

from vaejax import objectives, sweep
from vaejax.runs.config import ConfigError
from vaejax.sweep.packing import unfinished_groups


def groups_of(config, grid, workdir, seeds=(0, 1)):
    members = sweep.make_members(config, sweep.grid(grid), seeds=seeds, workdir=workdir)
    return unfinished_groups(members)


def test_numbers_and_seeds_share_a_program_and_sizes_do_not(tiny, tmp_path):
    grid = {
        "objective.beta": [1.0, 4.0],
        "model.latent_size": [2, 3],
        "optimizer.learning_rate": [1e-3, 2e-3],
    }
    groups = groups_of(tiny(), grid, tmp_path)
    assert [len(group.members) for group in groups] == [8, 8]
    for group in groups:
        assert set(group.program.names) == {"objective.beta", "optimizer.learning_rate"}
        assert len({member.config.model.latent_size for member in group.members}) == 1


def test_numbers_of_a_schedule_and_of_a_player_share_a_program(tiny, tmp_path):
    beta = {"name": "linear_schedule", "init_value": 1.0, "end_value": 2.0, "transition_steps": 5}
    config = tiny(objective={"name": "elbo", "beta": beta})
    with config.unlocked():
        config.optimizer.players = {"model": {"name": "adam", "learning_rate": 1e-3}}
    grid = {
        "objective.beta.end_value": [1.0, 4.0],
        "optimizer.players.model.learning_rate": [1e-3, 2e-3],
    }
    (group,) = groups_of(config, grid, tmp_path)
    assert set(group.program.names) == set(grid)


def test_a_number_that_is_asked_for_is_part_of_the_program(tiny, tmp_path, monkeypatch):
    def halved(model, *, beta: float = 1.0):
        return objectives.elbo(model, beta=beta / 2 if beta > 2 else beta)

    halved.__annotations__["return"] = objectives.elbo.__annotations__["return"]
    monkeypatch.setattr(objectives, "halved", halved, raising=False)
    config = tiny(objective={"name": "halved", "beta": 1.0})
    grid = {"objective.beta": [1.0, 4.0], "optimizer.learning_rate": [1e-3, 2e-3]}
    groups = groups_of(config, grid, tmp_path)
    assert [group.program.names for group in groups] == [("optimizer.learning_rate",)] * 2
    betas = [{member.config.objective.beta for member in group.members} for group in groups]
    assert betas == [{1.0}, {4.0}]


def test_a_number_that_the_loss_asks_for_is_part_of_the_program(tiny, tmp_path, monkeypatch):
    def asking(model, *, beta: float = 1.0):
        elbo = objectives.elbo(model, beta=beta)

        def loss(*args):
            value, rest = elbo.loss(*args)
            return (2.0 * value if beta > 2 else value), rest

        return elbo._replace(loss=loss)

    asking.__annotations__["return"] = objectives.elbo.__annotations__["return"]
    monkeypatch.setattr(objectives, "asking", asking, raising=False)
    config = tiny(objective={"name": "asking", "beta": 1.0})
    groups = groups_of(config, {"objective.beta": [1.0, 4.0]}, tmp_path)
    assert [group.program.names for group in groups] == [()] * 2


def test_a_number_that_changes_the_state_is_part_of_the_program(tiny, tmp_path):
    """Without l2 a single run's optimiser has no term for it, and neither has its checkpoint."""
    (group,) = groups_of(tiny(), {"optimizer.l2": [1e-3, 1e-2]}, tmp_path)
    assert group.program.names == ("optimizer.l2",)
    groups = groups_of(tiny(), {"optimizer.l2": [0.0, 1e-3, 1e-2]}, tmp_path)
    assert [group.program.names for group in groups] == [()] * 3


def test_finished_members_are_left_out_but_make_no_other_program(tiny, tmp_path):
    members = sweep.make_members(
        tiny(), sweep.grid({"objective.beta": [1.0, 4.0]}), seeds=[0], workdir=tmp_path
    )
    (members[0].workdir / "checkpoints" / "8").mkdir(parents=True)
    (group,) = unfinished_groups(members)
    assert group.members == [members[1]]
    assert group.program.names == ("objective.beta",)


def test_a_bad_value_anywhere_is_told_before_anything_is_trained(tiny, tmp_path):
    grid = {"objective.beta": [1.0, 4.0, -1.0]}
    with pytest.raises(ConfigError, match="config.objective.beta: expected a number >= 0"):
        groups_of(tiny(), grid, tmp_path)

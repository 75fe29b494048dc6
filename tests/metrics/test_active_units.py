from vaejax.metrics import active_units


def test_dead_codes_do_not_count(dead):
    assert active_units(dead)["active_units"] == 3
    assert active_units(0.05 * dead)["active_units"] == 0

from opencoder_dag.report.scores import over_seeds


def test_seeds_are_read_at_the_same_places():
    mean, band = over_seeds([[(0, 4.0), (100, 2.0)], [(0, 2.0), (50, 1.0), (100, 0.0)]])
    assert mean == [(0, 3.0), (100, 1.0)]
    assert band == [(0, 2.0, 4.0), (100, 0.0, 2.0)]


def test_one_seed_is_its_own_mean_and_no_point_is_no_curve():
    assert over_seeds([[(1, 5.0), (2, 4.0)]]) == ([(1, 5.0), (2, 4.0)], [(1, 5.0, 5.0), (2, 4.0, 4.0)])
    assert over_seeds([[]]) == ([], [])

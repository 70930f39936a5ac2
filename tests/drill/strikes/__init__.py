"""The faults, a module for each kind: `ALL` has them by name."""

from tests.drill.strikes import clock, disk, locks, network, processes, servers, source_life
from tests.drill.strikes.fault import Fault

ALL: dict[str, Fault] = {
    each.name: each
    for module in (processes, servers, network, disk, locks, source_life, clock)
    for each in module.FAULTS
}

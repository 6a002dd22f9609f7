"""One file per fault, inject and undo side by side; a new one is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drillbook.errors import ConfigError
from drillbook.faults.backup_failing import BackupFailing
from drillbook.faults.backups import BackupStale, BackupTruncated
from drillbook.faults.bad_release import BadRelease
from drillbook.faults.cache_block import CacheBlock
from drillbook.faults.cache_fill import CacheFill
from drillbook.faults.cache_flush import CacheFlush
from drillbook.faults.certificates import CertificateExpiry, CertificateLost
from drillbook.faults.cpu_stress import CpuStress
from drillbook.faults.crash_loop import CrashLoop
from drillbook.faults.database_connections import DatabaseConnections
from drillbook.faults.database_credentials import DatabaseCredentials
from drillbook.faults.database_idle_in_transaction import DatabaseIdleInTransaction
from drillbook.faults.database_lock import DatabaseLock
from drillbook.faults.database_rows import DatabaseRows
from drillbook.faults.database_slow_queries import DatabaseSlowQueries
from drillbook.faults.dependency_down import DependencyDown
from drillbook.faults.dns_failing import DnsFailing
from drillbook.faults.fault import Fault
from drillbook.faults.http_errors import HttpErrors
from drillbook.faults.image_pull import ImagePull
from drillbook.faults.load_spike import LoadSpike
from drillbook.faults.log_pipeline_down import LogPipelineDown
from drillbook.faults.memory_stress import MemoryStress
from drillbook.faults.migration_failing import MigrationFailing
from drillbook.faults.namespace_lost import NamespaceLost
from drillbook.faults.network_chaos import NetworkDelay, Partition
from drillbook.faults.network_cut import NetworkCut
from drillbook.faults.node_drain import NodeDrain
from drillbook.faults.noop import Noop
from drillbook.faults.pod_kill import PodKill
from drillbook.faults.scale_down import ScaleDown
from drillbook.faults.scrape_lost import ScrapeLost
from drillbook.faults.secret_rotated import SecretRotated
from drillbook.faults.two_autoscalers import TwoAutoscalers
from drillbook.faults.volume_fill import VolumeFill
from drillbook.faults.volume_lost import VolumeLost

FAULTS: Final[Mapping[str, Fault]] = {
    fault.name: fault
    for fault in (
        DatabaseConnections(),
        DatabaseIdleInTransaction(),
        DatabaseLock(),
        DatabaseSlowQueries(),
        CrashLoop(),
        ImagePull(),
        BadRelease(),
        DatabaseRows(),
        DatabaseCredentials(),
        MigrationFailing(),
        CacheFlush(),
        CacheBlock(),
        CacheFill(),
        CpuStress(),
        MemoryStress(),
        Noop(),
        PodKill(),
        VolumeFill(),
        VolumeLost(),
        ScaleDown(),
        NetworkCut(),
        NetworkDelay(),
        Partition(),
        ScrapeLost(),
        DependencyDown(),
        HttpErrors(),
        LoadSpike(),
        LogPipelineDown(),
        DnsFailing(),
        NodeDrain(),
        NamespaceLost(),
        TwoAutoscalers(),
        CertificateExpiry(),
        CertificateLost(),
        SecretRotated(),
        BackupTruncated(),
        BackupStale(),
        BackupFailing(),
    )
}


def fault_named(name: str) -> Fault:
    """The fault of that name. Raises ConfigError that lists those there are."""
    if name not in FAULTS:
        raise ConfigError(f"no fault named {name!r}; there are {', '.join(sorted(FAULTS))}")
    return FAULTS[name]

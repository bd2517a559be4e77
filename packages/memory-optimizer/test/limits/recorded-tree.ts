// Files of /proc and /sys as real systems have them, cut to what is read; paths and forms are recorded, sizes are round.
import type { ReadText } from '../../src/limits/cgroup-groups.ts'

export function readFrom(files: Readonly<Record<string, string>>): ReadText {
  return path => files[path]
}

const MIB = 1024 * 1024
/** Version 1's "none": the largest number of bytes that's a whole number of pages. */
export const NONE_V1 = '9223372036854771712\n'

/** Docker on version 2, with a namespace of its own: neither the path nor the mount shows where it really is. */
export const DOCKER_V2_PRIVATE: Readonly<Record<string, string>> = {
  '/proc/self/cgroup': '0::/\n',
  '/proc/self/mountinfo':
    '1561 1560 0:133 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n' +
    '1566 1565 0:29 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate\n',
  '/sys/fs/cgroup/memory.max': `${512 * MIB}\n`,
  '/sys/fs/cgroup/memory.high': 'max\n',
  '/sys/fs/cgroup/memory.current': `${300 * MIB}\n`,
  '/sys/fs/cgroup/memory.stat': `anon ${180 * MIB}\nfile ${110 * MIB}\nkernel 1000\ninactive_anon 0\nactive_anon ${180 * MIB}\ninactive_file ${100 * MIB}\nactive_file ${10 * MIB}\n`,
  '/sys/fs/cgroup/memory.pressure':
    'some avg10=12.50 avg60=3.10 avg300=0.80 total=918273\nfull avg10=0.40 avg60=0.10 avg300=0.02 total=83645\n',
  '/proc/pressure/memory':
    'some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n',
}

/** The same after reading many files again and again: page cache fills the room that there is, and the kernel keeps it for as long as nobody wants the memory. */
export const PAGE_CACHE_V2: Readonly<Record<string, string>> = {
  ...DOCKER_V2_PRIVATE,
  '/sys/fs/cgroup/memory.current': `${510 * MIB}\n`,
  '/sys/fs/cgroup/memory.stat': `anon ${140 * MIB}\nfile ${330 * MIB}\nkernel ${40 * MIB}\ninactive_anon 0\nactive_anon ${140 * MIB}\ninactive_file ${10 * MIB}\nactive_file ${320 * MIB}\nslab_reclaimable ${30 * MIB}\nslab_unreclaimable ${5 * MIB}\nslab ${35 * MIB}\n`,
  '/sys/fs/cgroup/memory.pressure':
    'some avg10=0.00 avg60=0.00 avg300=0.00 total=918273\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=83645\n',
}

/** A service of systemd: its slice is narrower than itself, and slowed down before it's killed. */
export const SYSTEMD_SLICE: Readonly<Record<string, string>> = {
  '/proc/self/cgroup': '0::/system.slice/plimsoll.slice/plimsoll-api.service\n',
  '/proc/self/mountinfo':
    '34 24 0:29 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n',
  '/sys/fs/cgroup/system.slice/plimsoll.slice/plimsoll-api.service/memory.max': `${2048 * MIB}\n`,
  '/sys/fs/cgroup/system.slice/plimsoll.slice/plimsoll-api.service/memory.high': 'max\n',
  '/sys/fs/cgroup/system.slice/plimsoll.slice/plimsoll-api.service/memory.current': `${400 * MIB}\n`,
  '/sys/fs/cgroup/system.slice/plimsoll.slice/plimsoll-api.service/memory.stat': 'anon 1\ninactive_file 0\n',
  '/sys/fs/cgroup/system.slice/plimsoll.slice/memory.max': `${1024 * MIB}\n`,
  '/sys/fs/cgroup/system.slice/plimsoll.slice/memory.high': `${900 * MIB}\n`,
  '/sys/fs/cgroup/system.slice/plimsoll.slice/memory.current': `${810 * MIB}\n`,
  '/sys/fs/cgroup/system.slice/plimsoll.slice/memory.stat': 'anon 1\ninactive_file 0\n',
  '/sys/fs/cgroup/system.slice/memory.max': 'max\n',
  '/sys/fs/cgroup/system.slice/memory.high': 'max\n',
}

/** Kubernetes on version 2 whose runtime shares the host's namespace: the container's group lies below that of the pod, both are seen. */
export const KUBERNETES_V2: Readonly<Record<string, string>> = {
  '/proc/self/cgroup':
    '0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podf3c1.slice/cri-containerd-9a7b.scope\n',
  '/proc/self/mountinfo': '1402 1391 0:27 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw\n',
  '/sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podf3c1.slice/cri-containerd-9a7b.scope/memory.max':
    'max\n',
  '/sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podf3c1.slice/memory.max': `${768 * MIB}\n`,
  '/sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podf3c1.slice/memory.current': `${700 * MIB}\n`,
}

/** Docker on version 1: the host's path in one file, the container's own group mounted where the host's root would be. */
export const DOCKER_V1: Readonly<Record<string, string>> = {
  '/proc/self/cgroup':
    '12:pids:/docker/4b1f\n9:cpu,cpuacct:/docker/4b1f\n6:memory:/docker/4b1f\n1:name=systemd:/docker/4b1f\n0::/system.slice/containerd.service\n',
  '/proc/self/mountinfo':
    '900 899 0:36 /docker/4b1f /sys/fs/cgroup/cpu,cpuacct ro,nosuid,nodev,noexec,relatime master:17 - cgroup cgroup rw,cpu,cpuacct\n' +
    '903 899 0:39 /docker/4b1f /sys/fs/cgroup/memory ro,nosuid,nodev,noexec,relatime master:20 - cgroup cgroup rw,memory\n',
  '/sys/fs/cgroup/memory/memory.limit_in_bytes': `${256 * MIB}\n`,
  '/sys/fs/cgroup/memory/memory.usage_in_bytes': `${200 * MIB}\n`,
  '/sys/fs/cgroup/memory/memory.stat': `cache 1\nrss 1\ninactive_file 4096\nhierarchical_memory_limit ${128 * MIB}\ntotal_cache 1\ntotal_inactive_file ${100 * MIB}\ntotal_active_file ${20 * MIB}\n`,
}

/** Both versions at once, memory with version 1, no limit anywhere: a virtual machine that runs sessions. */
export const HYBRID: Readonly<Record<string, string>> = {
  '/proc/self/cgroup': '9:name=systemd:/\n4:memory:/session/f07c\n3:cpuset:/\n0::/\n',
  '/proc/self/mountinfo':
    '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n' +
    '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n' +
    '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n',
  '/sys/fs/cgroup/memory/session/f07c/memory.limit_in_bytes': NONE_V1,
  '/sys/fs/cgroup/memory/session/f07c/memory.stat': `cache 1\nhierarchical_memory_limit ${NONE_V1}`,
  '/sys/fs/cgroup/memory/session/memory.limit_in_bytes': NONE_V1,
  '/sys/fs/cgroup/memory/memory.limit_in_bytes': NONE_V1,
  '/proc/pressure/memory':
    'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
}

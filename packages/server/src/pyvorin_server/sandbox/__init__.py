"""Single-use jails for untrusted compile and check jobs. Standard library only.

A job is a Python command that reads one message on stdin and writes one answer on stdout. It runs
in a fresh jail and the jail dies with it:

    supervisor (service)          `jail.Jail`: cgroups, pipes, deadlines, the verdict on the ending
      └ launcher                  `launcher`: namespaces, then waits; dies when the supervisor dies
          └ keeper (pid 1 inside) read-only root, job uid, no capabilities, Landlock, seccomp
              └ job               `inside`: undumpable, second filter; then the command itself

A launcher is started by exec, or forked by a zygote (`warm`, `zygote`) that has the modules
imported and never saw a job.

Invariants, each attacked by a test in `tests/attacks`:
  1. A layer that the required tier needs and the host refuses means the job is refused.
  2. The supervisor never opens a path that a job could have written; answers leave by a pipe.
  3. After any ending no process, cgroup, mount or file of the job is left.

Import from `runner` (`run_job`), `pool` (`Pool`), `detect`, `model`, `tiers`, `policies`.
This file imports nothing because the launcher imports it and must start fast.
"""

#!/usr/bin/env bash
# A Slurm of one node on this machine, for the tests: no systemd, no cgroups, loopback addresses only.
#   tests/slurm.sh up|down [FOLDER]   as root; `up` is harmless where it is up
# With slurmdbd and MariaDB, where they are installed, jobs are accounted and sacct answers.
set -euo pipefail

folder=$(realpath -m "${2:-${TMPDIR:-/tmp}/bioseq-lstm-slurm}")
conf=$folder/slurm.conf
database=$folder/mysql

wait_for() { # seconds, command
    local left=$((${1} * 5))
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        if [ "$left" -le 0 ]; then
            tail -n 20 "$folder"/log/*.log >&2 || true
            echo "tests/slurm.sh: in vain waited for: $*" >&2
            return 1
        fi
        sleep 0.2
    done
}

idle() { sinfo -h -o %T | grep -qxE 'idle|mixed|allocated'; }

munge_up() { # the daemon that signs who asks
    mkdir -p /run/munge
    chown -R munge: /run/munge /etc/munge /var/lib/munge /var/log/munge
    chmod 755 /run/munge
    if [ ! -s /etc/munge/munge.key ]; then
        head -c 1024 /dev/urandom >/etc/munge/munge.key
        chown munge: /etc/munge/munge.key
        chmod 400 /etc/munge/munge.key
    fi
    munge -n >/dev/null 2>&1 || runuser -u munge -- /usr/sbin/munged --force
    wait_for 10 munge -n
}

accounting_up() {
    mkdir -p "$database"
    chown mysql: "$database"
    [ -d "$database/mysql" ] ||
        mariadb-install-db --user=mysql --datadir="$database" --skip-test-db >/dev/null
    # A session of its own: a Ctrl-C for the tests is none for the database.
    setsid mariadbd --no-defaults --user=mysql --datadir="$database" --bind-address=127.0.0.1 \
        --port=16806 --socket="$database/socket" --pid-file="$database/pid" \
        --innodb-buffer-pool-size=64M >"$folder/log/mariadbd.log" 2>&1 &
    wait_for 60 mariadb-admin --socket="$database/socket" ping
    mariadb --socket="$database/socket" -e "
        CREATE DATABASE IF NOT EXISTS accounts;
        CREATE USER IF NOT EXISTS slurm@'127.0.0.1' IDENTIFIED BY 'test';
        CREATE USER IF NOT EXISTS slurm@'localhost' IDENTIFIED BY 'test';
        GRANT ALL ON accounts.* TO slurm@'127.0.0.1';
        GRANT ALL ON accounts.* TO slurm@'localhost';"
    cat >"$folder/slurmdbd.conf" <<CONF
AuthType=auth/munge
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=16820
SlurmUser=root
LogFile=$folder/log/slurmdbd.log
PidFile=$folder/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=16806
StorageUser=slurm
StoragePass=test
StorageLoc=accounts
CommunicationParameters=NoInAddrAny
CONF
    chmod 600 "$folder/slurmdbd.conf"
    ln -sfn "$folder/slurmdbd.conf" /etc/slurm/slurmdbd.conf
    slurmdbd
    wait_for 30 sacctmgr -n list cluster
    sacctmgr -i add cluster tests >/dev/null || true
    sacctmgr -i add account lab cluster=tests >/dev/null || true
    sacctmgr -i add user root account=lab cluster=tests >/dev/null || true
}

write_conf() { # accounting_storage/…
    cat >"$conf" <<CONF
ClusterName=tests
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort=16817
SlurmdPort=16818
SrunPortRange=16900-16999
StateSaveLocation=$folder/controller
SlurmdSpoolDir=$folder/node
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
# Without cgroups, memory is looked at every second, and a job that took too much is killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=$1
AccountingStorageHost=127.0.0.1
AccountingStoragePort=16820
AccountingStoreFlags=job_comment
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
MpiDefault=none
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
MinJobAge=600
KillWait=5
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$(nproc --all) RealMemory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo) State=UNKNOWN
PartitionName=tests Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
}

up() {
    if [ -L /etc/slurm/slurm.conf ] && [ "$(readlink /etc/slurm/slurm.conf)" = "$conf" ] && idle; then
        return
    fi
    mkdir -p "$folder"/{controller,node,log} /etc/slurm
    chmod 755 "$folder"
    munge_up
    # A job step finds the configuration here alone: Snakemake's plugin takes SLURM_CONF from it.
    ln -sfn "$conf" /etc/slurm/slurm.conf
    if command -v slurmdbd mariadbd >/dev/null; then
        write_conf accounting_storage/slurmdbd
        accounting_up
    else
        write_conf accounting_storage/none
    fi
    slurmctld
    slurmd
    wait_for 30 idle
}

down() {
    local pid
    for pid in slurmd slurmctld slurmdbd mysql/pid; do
        pid=$folder/${pid%.pid}
        [ -s "$pid" ] || pid=$pid.pid
        [ ! -s "$pid" ] || kill "$(cat "$pid")" 2>/dev/null || true
        sleep 0.5
    done
    [ "$(readlink /etc/slurm/slurm.conf)" != "$conf" ] || rm -f /etc/slurm/slurm.conf /etc/slurm/slurmdbd.conf
}

case ${1:-} in
up | down) "$1" ;;
*)
    echo "usage: tests/slurm.sh up|down [FOLDER]" >&2
    exit 2
    ;;
esac

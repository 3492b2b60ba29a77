package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// process looks at the processes that run.
func (s *system) process(ctx context.Context) []Finding {
	m, err := s.metrics(ctx)
	switch {
	case errors.Is(err, errOffline):
		return skipped("no process is asked (--offline)")
	case errors.Is(err, ErrNotRunning):
		return []Finding{{
			Level: Problem, What: "nothing runs in this data folder", Why: "events are refused, and withdrawals and requests wait",
			Do: "start its service, or `zgoda up`; to look at the rest only: `zgoda doctor --offline`", Runbook: "ZgodaDown",
		}}
	case err != nil:
		return []Finding{{
			Level: Problem, What: "the gateway does not answer for operators: " + err.Error(), Why: "it is away, or hangs: nobody can tell whether events are taken",
			Do: "see its log; it listens where `ops` of the configuration says", Runbook: "ZgodaDown",
		}}
	}
	list := s.ready(ctx, m)
	list = append(list, s.versions(ctx, m)...)
	m.each("zgoda_child_up", "child", func(child string, up float64) {
		if up == 0 {
			list = append(list, Finding{
				Level: Problem, What: "the process " + child + " is not up", Why: "what it does waits or is refused meanwhile",
				Do: "it is started again; if it stays so, its reason is in the log of `zgoda up`", Runbook: "ZgodaRestarts",
			})
		}
	})
	m.each("zgoda_child_restarts_total", "child", func(child string, n float64) {
		if n >= 3 {
			list = append(list, Finding{
				Level: Warning, What: fmt.Sprintf("the process %s was started again %.0f times since zgoda up", child, n), Why: "each time events wait and requests are late",
				Do: "look for its last words in the log of `zgoda up`; often it is memory", Runbook: "ZgodaRestarts",
			})
		}
	})
	list = append(list, s.faults(ctx, m)...)
	if s, away := m.above("zgoda_keyholder_away_seconds", 5); away {
		list = append(list, Finding{
			Level: Problem, What: "the keyholder has not answered for " + duration(s), Why: "whoever is not known yet waits sealed, and requests of people are not served",
			Do: "see whether it runs and why it does not answer: `zgoda keys status`", Runbook: "ZgodaKeyholderAway",
		})
	}
	if s, away := m.above("zgoda_control_away_seconds", 5); away {
		list = append(list, Finding{
			Level: Problem, What: "the control store has not answered for " + duration(s), Why: "consents cannot be read: events are refused, and withdrawals elsewhere are not heard of",
			Do: "see whether its PostgreSQL or its disk answers", Runbook: "ZgodaControlAway",
		})
	}
	return list
}

// ready says whether traffic may be sent there, and why not.
func (s *system) ready(ctx context.Context, m *Metrics) []Finding {
	if _, gated := m.above("zgoda_restore_gate", 0); gated {
		return []Finding{{
			Level: Problem, What: "nothing is served: erasures after a backup are carried out again first", Why: "what a restore brought back must not be shown or used",
			Do: "wait while `zgoda_restore_replayed_total` rises; the log says what holds it up", Runbook: "ZgodaRestoreGate",
		}}
	}
	if v, told := m.value("zgoda_ready"); !told || v > 0 {
		return nil
	}
	why := "no reason was given"
	if at, err := s.at(); err == nil {
		if resp, err := get(ctx, at+"/readyz"); err == nil {
			text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK && len(text) > 0 {
				why = string(text[:len(text)-1])
			}
		}
	}
	return []Finding{{
		Level: Problem, What: "the gateway is not ready: " + why, Why: "it asks that no traffic be sent to it, and refuses events", Do: "mend what it names; `curl http://OPS/readyz` tells when it is over",
		Runbook: "ZgodaNotReady",
	}}
}

func (s *system) versions(ctx context.Context, m *Metrics) (list []Finding) {
	differs := func(who, runs string) {
		if runs != "" && s.Version != "" && runs != s.Version {
			list = append(list, Finding{
				Level: Warning, What: fmt.Sprintf("the %s that runs is %s, this program is %s", who, runs, s.Version), Why: "versions of one release are tested with each other, and no others",
				Do: "replace all binaries of the release together, then start again",
			})
		}
	}
	m.each("zgoda_build_info", "version", func(v string, _ float64) { differs("gateway", v) })
	if k, err := s.keyholderMetrics(ctx); err == nil {
		k.each("zgoda_keyholder_build_info", "version", func(v string, _ float64) { differs("keyholder", v) })
	} else if !errors.Is(err, errNoMetrics) {
		list = append(list, Finding{
			Level: Warning, What: "the keyholder's metrics cannot be read: " + err.Error(), Why: "refused callers and drafts of incidents are told there",
			Do: "see whether `keyholder.metrics` is the address that it serves",
		})
	}
	return list
}

// clocks compares clocks with each other: the gateway does those of who answers it, this
// program the gateway's own.
func (s *system) clocks(ctx context.Context) []Finding {
	m, err := s.metrics(ctx)
	if err != nil {
		return unseen(err)
	}
	var list []Finding
	compare := func(who string, off float64) {
		level := bounds{2, 30}.of(max(off, -off))
		if level == OK {
			return
		}
		list = append(list, Finding{
			Level: level, What: fmt.Sprintf("the clock of %s is off by %.1f seconds", who, off), Why: "rows end at other times than promised, and which choice is the newest is judged wrongly",
			Do: "keep the clocks of all machines by NTP: `chronyc tracking`, or `timedatectl`", Runbook: "ZgodaClockSkew",
		})
	}
	compare("the gateway, against this machine's,", m.off())
	missing := []string{"clickhouse", "keyholder"} // always there; the others are where they are set
	m.each("zgoda_clock_skew_seconds", "peer", func(peer string, v float64) {
		missing = slices.DeleteFunc(missing, func(p string) bool { return p == peer })
		compare(peer+", against the gateway's,", v)
	})
	if len(missing) > 0 && len(list) == 0 {
		return []Finding{{Level: OK, What: "those that tell agree; not told now: " + strings.Join(missing, ", ")}}
	}
	return list
}

// off is how far the other's clock is ahead of ours, as far as whole seconds tell.
func (m *Metrics) off() float64 {
	if m.date.IsZero() {
		return 0
	}
	off := m.date.Sub(m.read).Seconds() // what is told was cut to a whole second
	if off < 0 {
		return min(0, off+1)
	}
	return off
}

// disk looks at the volumes that something is kept on. What is free has to be little as
// a part and in bytes: a tenth of a large volume is much.
func (s *system) disk(ctx context.Context) []Finding {
	var list []Finding
	measured := func(what string, free, size float64) {
		level := OK
		switch {
		case free < 0.03*size && free < 1<<30:
			level = Problem
		case free < 0.1*size && free < 5<<30:
			level = Warning
		}
		if level != OK {
			list = append(list, Finding{
				Level: level, What: fmt.Sprintf("%s has %s free of %s", what, size64(free), size64(size)), Why: "a full disk refuses events, and erasures cannot be carried out on it",
				Do: "make room or enlarge the volume; lower `spool_limit` if the spool may not have so much", Runbook: "ZgodaDiskLow",
			})
		}
	}
	var st unix.Statfs_t
	if err := unix.Statfs(s.Data, &st); err == nil && st.Blocks > 0 {
		measured("the volume of "+s.Data, float64(st.Bavail)*float64(st.Bsize), float64(st.Blocks)*float64(st.Bsize))
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) { // that is the check files' to say
		list = append(list, failed("measure the volume of the data folder", err)...)
	}
	m, err := s.metrics(ctx)
	if err != nil {
		return append(list, Finding{Level: Skipped, What: "other volumes and ClickHouse's need the gateway, which was not asked"})
	}
	m.beside("zgoda_disk_free_bytes", "zgoda_disk_size_bytes", "folder", func(folder string, free, size float64) {
		if folder != "data" {
			measured("the volume of the folder "+folder, free, size)
		}
	})
	m.beside("zgoda_clickhouse_disk_free_bytes", "zgoda_clickhouse_disk_size_bytes", "server", func(server string, free, size float64) {
		measured("the disk of "+serverName(server), free, size)
	})
	return list
}

func size64(bytes float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}} {
		if bytes >= unit.size {
			return fmt.Sprintf("%.1f %s", bytes/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%.0f bytes", bytes)
}

func duration(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

package telemetry

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"runtime/pprof"
	"strconv"
	"time"
)

// ProfilePath is where ServeCPUProfile answers.
const ProfilePath = "/debug/pprof/profile"

const (
	profileSeconds    = 10
	maxProfileSeconds = 25 // an answer takes at most 30 s
)

// ErrNotLoopback is returned for a profile on a listener that others may reach.
var ErrNotLoopback = errors.New("a CPU profile is served on a loopback address only (--ops)")

// ServeCPUProfile adds GET /debug/pprof/profile?seconds=N (1 to 25, default 10):
// which functions used the processors, in pprof's format. It is off unless an
// operator asks, and on loopback only: taking one costs a few percent.
//
// Nothing else of pprof is served. A CPU profile holds names of functions and
// counts; a heap or goroutine dump holds memory, and so people's identifiers.
// Call it before Run.
func (o *Ops) ServeCPUProfile() error {
	if addr, ok := o.listener.Addr().(*net.TCPAddr); !ok || !addr.IP.IsLoopback() {
		return ErrNotLoopback
	}
	o.mux.HandleFunc("GET "+ProfilePath, cpuProfile)
	return nil
}

func cpuProfile(w http.ResponseWriter, r *http.Request) {
	seconds := profileSeconds
	if text := r.URL.Query().Get("seconds"); text != "" {
		var err error
		if seconds, err = strconv.Atoi(text); err != nil || seconds < 1 || seconds > maxProfileSeconds {
			plain(w, http.StatusBadRequest, "seconds: must be 1 to "+strconv.Itoa(maxProfileSeconds))
			return
		}
	}
	var found bytes.Buffer
	if err := pprof.StartCPUProfile(&found); err != nil {
		plain(w, http.StatusConflict, "a profile is being taken already")
		return
	}
	done := time.NewTimer(time.Duration(seconds) * time.Second)
	defer done.Stop()
	select {
	case <-done.C:
	case <-r.Context().Done():
	}
	pprof.StopCPUProfile()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(found.Bytes())
}

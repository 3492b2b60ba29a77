package doctor

import (
	"context"
	"errors"
	"sync"
	"time"

	"zgoda/pseudonym"
	"zgoda/retention"
)

// Settings are what of the configuration says where to look.
type Settings struct {
	Given            bool     // a file was given; without one its own errors cannot be looked for
	File             string   // its path
	Ops              string   // HOST:PORT of the gateway's metrics
	KeyholderMetrics string   // HOST:PORT; empty: nobody serves them
	Secrets          []string // files that only their owner may read
	Certificates     []string // files in PEM with a certificate
	LocalKEK         bool     // the key-encryption key is a file beside the keys

	// KeyholderAddress is that of a keyholder over TCP, which AdminCertificate calls;
	// empty: by the socket AdminSocket, or where that is empty by the one of the data
	// folder. KeyholderUID is who runs it; nil: we.
	KeyholderAddress, AdminCertificate, RightsCertificate string
	AdminSocket, RightsSocket                             string
	KeyholderUID                                          *uint32
}

// Answer is what the running gateway says of itself.
type Answer struct {
	Past     []retention.Finding `json:"past"`
	Findings []Finding           `json:"findings"`
}

// ErrNotRunning means that nothing runs in the data folder.
var ErrNotRunning = errors.New("nothing runs here")

// Keyholder is the keyholder's role administrator; pseudonym.Administrator is it.
type Keyholder interface {
	Status(ctx context.Context) (pseudonym.Status, error)
	CheckCalls(ctx context.Context) (pseudonym.Seals, error)
}

// Deps are what a system is looked at by.
type Deps struct {
	Data     string // folder
	Version  string // of this program
	Offline  bool   // ask no process
	Settings func() (Settings, error)
	// Ops returns the address of the running gateway's metrics as http://HOST:PORT, or
	// ErrNotRunning. Where it is empty, that of the settings is taken.
	Ops func() (string, error)
	// Ask asks the running gateway what it finds, or returns ErrNotRunning.
	Ask func(ctx context.Context) (Answer, error)
	// Keyholder calls it, and Waiting counts the reveals that wait for a second person.
	Keyholder Keyholder
	Waiting   func(ctx context.Context) (int, error)
}

// Names are the checks in their order.
func Names() []string {
	checks := Checks(Deps{})
	names := make([]string, len(checks))
	for i := range checks {
		names[i] = checks[i].Name
	}
	return names
}

// Checks returns the checks of a system in their order. Call each list once: what
// several of them read is read once.
func Checks(d Deps) []Check {
	s := &system{Deps: d, began: time.Now()}
	s.settings = sync.OnceValues(func() (Settings, error) {
		if d.Settings == nil {
			return Settings{}, nil
		}
		return d.Settings()
	})
	return []Check{
		{"configuration", s.configuration},
		{"files", s.files},
		{"process", s.process},
		{"keys", s.keys},
		{"certificates", s.certificates},
		{"clocks", s.clocks},
		{"disk", s.disk},
		{"spool", s.spool},
		{"lag", s.lag},
		{"clickhouse", s.clickhouse},
		{"tables", s.tables},
		{"retention", s.retention},
		{"requests", s.requests},
		{"ledger", s.ledger},
		{"audit", s.audit},
	}
}

// system is what checks share. What is asked once is asked under the deadline of
// the first check that wants it: all begin together.
type system struct {
	Deps
	began    time.Time
	settings func() (Settings, error)

	gateway, keyholder once[*Metrics]
	answer             once[Answer]
	status             once[pseudonym.Status]
}

// once keeps the first answer for all who ask.
type once[T any] struct {
	do    sync.Once
	value T
	err   error
}

func (o *once[T]) get(ask func() (T, error)) (T, error) {
	o.do.Do(func() { o.value, o.err = ask() })
	return o.value, o.err
}

var errOffline = errors.New("--offline: no process is asked")

// at is where the gateway tells its metrics.
func (s *system) at() (string, error) {
	if s.Ops != nil {
		if at, err := s.Ops(); err != nil || at != "" {
			return at, err
		}
	}
	settings, _ := s.settings() // said by the check of it
	if settings.Ops == "" {
		return "", errors.New("it is not known where its metrics are: give --ops")
	}
	return "http://" + settings.Ops, nil
}

// metrics are the gateway's.
func (s *system) metrics(ctx context.Context) (*Metrics, error) {
	return s.gateway.get(func() (*Metrics, error) {
		if s.Offline {
			return nil, errOffline
		}
		at, err := s.at()
		if err != nil {
			return nil, err
		}
		return Scrape(ctx, at)
	})
}

var errNoMetrics = errors.New("the keyholder serves no metrics that are known of (keyholder.metrics)")

// keyholderMetrics are the keyholder's.
func (s *system) keyholderMetrics(ctx context.Context) (*Metrics, error) {
	return s.keyholder.get(func() (*Metrics, error) {
		if s.Offline {
			return nil, errOffline
		}
		settings, _ := s.settings() // said by the check of it
		if settings.KeyholderMetrics == "" {
			return nil, errNoMetrics
		}
		return Scrape(ctx, "http://"+settings.KeyholderMetrics)
	})
}

// ask asks the gateway once for all checks.
func (s *system) ask(ctx context.Context) (Answer, error) {
	return s.answer.get(func() (Answer, error) {
		switch {
		case s.Offline:
			return Answer{}, errOffline
		case s.Ask == nil:
			return Answer{}, ErrNotRunning
		}
		return s.Ask(ctx)
	})
}

// unseen is the finding of what needs a process that could not be asked. That it is
// away is the finding of the check process alone.
func unseen(err error) []Finding {
	switch {
	case errors.Is(err, errOffline):
		return skipped("needs a process, and none is asked (--offline)")
	case errors.Is(err, ErrNotRunning):
		return skipped("needs the gateway, which does not run here")
	default:
		return failed("the gateway could not be asked", err)
	}
}

// bounds are where a number is a warning and where it is a problem.
type bounds struct{ warning, problem float64 }

// of returns how bad a number is that should be small.
func (b bounds) of(v float64) Level {
	switch {
	case v > b.problem:
		return Problem
	case v > b.warning:
		return Warning
	default:
		return OK
	}
}

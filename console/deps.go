package console

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/collector/dryrun"
	"zgoda/collector/reasons"
	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/doctor"
	"zgoda/event"
	"zgoda/stores"
)

// Directory finds contacts and changes what is on record about them;
// subjects.Directory is one. Its changes return only when they are durable and
// enforced on this node.
type Directory interface {
	// Find looks for a contact and never makes one.
	Find(ctx context.Context, site event.SiteID, kind event.IdentifierKind, value string) (handle event.Handle, known bool, err error)
	// Make finds a contact, or makes it.
	Make(ctx context.Context, site event.SiteID, kind event.IdentifierKind, value string) (handle event.Handle, made bool, err error)
	// Record returns what is on record now.
	Record(ctx context.Context, site event.SiteID, handle event.Handle) (consent.Record, error)
	// SetProfiling is the switch over all purposes of kind profiling.
	SetProfiling(ctx context.Context, site event.SiteID, handle event.Handle, enabled bool, actor, reason string) (event.Sequence, error)
	// SetConsent grants or withdraws one purpose on the person's behalf.
	SetConsent(ctx context.Context, site event.SiteID, handle event.Handle, purpose event.PurposeID, grant bool, actor, channel, reason string) (event.Sequence, error)
	// History returns the ledger's entries, oldest first.
	History(ctx context.Context, site event.SiteID, handle event.Handle) ([]ledger.Entry, error)
}

// Sites tells which sites there are and by which policy each is decided.
type Sites interface {
	Policy(id event.SiteID) (*consent.Policy, bool)
}

// Explainer decides about a raw HTTP request without storing anything and
// returns the trace as JSON. An error that wraps ErrUnreadable means the bytes
// are no HTTP request that can be explained; its text is shown to the asker.
type Explainer interface {
	Explain(ctx context.Context, site event.SiteID, raw []byte) (json []byte, err error)
}

// SQL runs a query and streams the answer. An error's text goes to the person
// who asked, and nowhere else.
type SQL interface {
	Query(ctx context.Context, q Query, w io.Writer) error
}

// Query is one query.
type Query struct {
	Text    string
	Format  string // TSV, JSON, CSV or Pretty
	Analyst bool   // as the analyst, who sees aggregates only
}

// Role says what the holder of a token may do.
type Role string

// The roles.
const (
	RoleAdministrator Role = "administrator" // everything
	RoleOperator      Role = "operator"      // contacts, consents, explain
	RoleAnalyst       Role = "analyst"       // queries as the analyst
	RoleDPO           Role = "dpo"           // as the operator and the analyst
	RoleOpenDSR       Role = "opendsr"       // another system that hands over requests about one site; no route of the API
)

// Token is what is known about a token; never the token itself.
type Token struct {
	ID        string
	Name      string
	Role      Role
	Site      event.SiteID // of the role opendsr
	CreatedAt time.Time
	Revoked   bool
}

// Tokens keeps the tokens, hashed.
type Tokens interface {
	// CheckToken says whose token this is; ok is false for one that is unknown
	// or revoked. An error refuses too.
	CheckToken(ctx context.Context, token string) (t Token, ok bool, err error)
	CreateToken(ctx context.Context, role Role, name string) (token string, err error)
	// CreateSiteToken makes one of the role opendsr.
	CreateSiteToken(ctx context.Context, site event.SiteID, name string) (token string, err error)
	ListTokens(ctx context.Context) ([]Token, error)
	// RevokeToken says whether there was such a token.
	RevokeToken(ctx context.Context, id string) (known bool, err error)
}

// Process is the state of one process as the status route shows it.
type Process struct {
	Name     string `json:"name" doc:"gateway, keyholder or clickhouse"`
	State    string `json:"state" doc:"ready, or why not"`
	PID      int    `json:"pid,omitempty"`
	Restarts int    `json:"restarts"`
}

// Waiting is what was accepted and is not in ClickHouse yet.
type Waiting interface {
	// Erase takes everything of these people out of it and says how many events
	// that were; after an error it must be called again.
	Erase(ctx context.Context, handles []event.Handle) (int, error)
}

// DryRuns tells what the dry run of a site's candidate policy has counted; ok is
// false where there is none.
type DryRuns interface {
	Report(site event.SiteID) (report dryrun.Report, ok bool)
}

// Drops tells why recent events were not stored, or stored for less.
type Drops interface {
	Find(site event.SiteID, messageID []byte) reasons.Answer
}

// Deps are the parts the console calls. Directory, Waiting, Sites, Explainer, SQL
// and Tokens are required.
type Deps struct {
	Directory Directory
	Waiting   Waiting
	// BadIdentifier is what an error of the Directory wraps when the identifier
	// cannot be read as its kind; every other error means "not now". Nil:
	// event.ErrIdentifier alone.
	BadIdentifier error
	// People is what the keyholder keeps of contacts; nil: there are no routes for
	// it. Merger makes the control store follow a merge; nil: nothing is merged.
	People    People
	Merger    Merger
	Sites     Sites
	Explainer Explainer
	SQL       SQL
	Tokens    Tokens
	// Receipts writes consent records and receipts; nil: there are none.
	Receipts Receipts
	// Ledger is the consent ledger as a whole; nil: there are no routes for it.
	Ledger Ledger
	// Passing says whether people may be served; nil: always.
	Passing func() bool
	// Local is a token of this run with the role administrator, for the commands
	// on this machine; it lives in memory and in DATA/run/console.json only.
	Local Secret
	// DryRuns tells what candidate policies have counted, and Drops why events
	// were not stored; nil: nothing.
	DryRuns DryRuns
	Drops   Drops
	// Writer writes what guardians and files say; nil: there are no routes for it.
	Writer Writer
	// OptIns ask people to confirm a consent; nil: no mail server is configured.
	OptIns OptIns
	// Footers make the links of mails' footers; nil: there are none. Links is where
	// people reach the public listener; empty: it is not known.
	Footers Footers
	Links   string
	// Renewals list whom to ask again; nil: there is no route for it.
	Renewals Renewals
	// Requests deal with requests of data subjects, and RequestStore tells of them;
	// nil: there are no routes for them.
	Requests     Requests
	RequestStore RequestStore
	// Proofs mail the links that prove who makes a request; nil: there is no mail server.
	Proofs Proofs
	// Exports hands out what is held of people; nil: there are no routes for it.
	Exports Exports
	// Corrections end requests of rectification, of which ToldOf tells recipients;
	// nil: there are no routes for it, nobody is told.
	Corrections Corrections
	ToldOf      ToldOf
	// Effects lift what requests put in force; nil: there are no routes for it.
	Effects Effects
	// Agreements are on record by contact; nil: there are no routes for them. Known
	// tells contacts from browsers that were never linked; nil: nobody does.
	Agreements Agreements
	Known      Known
	// Certificates keep what erasures were completed with; nil: there is no route for
	// them.
	Certificates Certificates
	// Others answer other routes of this listener, by pattern. Who may call them they
	// look after by themselves.
	Others map[string]http.Handler
	// Retention keeps nothing for too long, and Backups make backups; nil: there are no
	// routes for them. Horizons tell when last copies are gone.
	Retention Retention
	Backups   Backups
	Horizons  stores.Horizons
	// Checks are what the gateway looks at itself when somebody asks how all is.
	Checks []doctor.Check
	// SecretOf tells whose secret key a token is; nil: none opens anything here.
	SecretOf func(token string) (event.SiteID, bool)
	// Processes tells the state of our processes.
	Processes  func(ctx context.Context) []Process
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

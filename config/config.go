package config

// Config is a whole configuration, as the file writes it.
type Config struct {
	Settings  `yaml:",inline"`
	Sites     []SiteConfig `yaml:"sites"`
	Proxies   []string     `yaml:"proxies,omitempty"` // networks in CIDR form whose X-Forwarded-For is believed
	Retention Keep         `yaml:"retention,omitempty"`
	// Control is the PostgreSQL that keeps the control store, which several
	// gateways may share; left out: a file in the data folder.
	Control DSN `yaml:"control,omitempty"`
	// ControlPasswordFile has the password for it, in mode 0600.
	ControlPasswordFile string `yaml:"control_password_file,omitempty"`
	// Node names this gateway's chain of the ledger; left out: a name that the
	// data folder keeps.
	Node string `yaml:"node,omitempty"`
	dir  string // relative secret files are looked for here
	// ClickHouseReplicas are the other servers, host:port, that hold a copy of the rows.
	ClickHouseReplicas []string `yaml:"clickhouse_replicas,omitempty"`
	// SpoolLimit is how much may wait for ClickHouse before events are refused.
	SpoolLimit string `yaml:"spool_limit,omitempty"`
	// SealedLimit is how much may wait for the keyholder before events about people
	// who are not known are refused.
	SealedLimit string `yaml:"sealed_limit,omitempty"`
	// CachedSubjects is how many people's consents are kept in memory.
	CachedSubjects int64 `yaml:"cached_subjects,omitempty"`
	// CachedAgents is of how many user agents the families are kept in memory.
	CachedAgents int `yaml:"cached_agents,omitempty"`
	// CachedStrings is the memory for consent strings that are kept decoded.
	CachedStrings string `yaml:"cached_strings,omitempty"`
	// KeptReasons is of how many recent events the reasons for which they were not
	// stored, or stored for less, are kept in memory; 0 keeps none.
	KeptReasons int `yaml:"kept_reasons"`
	// Ledger says how the consent ledger proves that it was not altered.
	Ledger Ledger `yaml:"ledger,omitempty"`
	// Keyholder says how to reach the keyholder.
	Keyholder Keyholder `yaml:"keyholder,omitempty"`
	// KEK says where the key-encryption key is.
	KEK KEK `yaml:"kek,omitempty"`
	// Mail is the mail server for links to confirm consents.
	Mail Mail `yaml:"mail,omitempty"`
	// Rights says how requests of data subjects are handled.
	Rights Rights `yaml:"rights,omitempty"`
	// OpenDSR says how other systems hand over requests.
	OpenDSR OpenDSR `yaml:"opendsr,omitempty"`
}

// Settings are those that are flags and variables too: a flag beats its
// variable (ZGODA_DATA for data), which beats the file, which beats the default.
type Settings struct {
	Data       string `yaml:"data,omitempty"`
	Public     string `yaml:"public,omitempty"`
	Console    string `yaml:"console,omitempty"`
	Ops        string `yaml:"ops,omitempty"`
	ClickHouse DSN    `yaml:"clickhouse,omitempty"`
	// Candidate is a configuration whose policies run beside the live ones,
	// counted and without any effect.
	Candidate string `yaml:"candidate,omitempty"`
}

// Keep is the retention of what is not an event.
type Keep struct {
	ContactAfterLastSeen string `yaml:"contact_after_last_seen,omitempty"`
}

// SiteConfig is one site, as the file writes it.
type SiteConfig struct {
	ID         string                       `yaml:"id"`
	Keys       Keys                         `yaml:"keys"`
	Origins    []string                     `yaml:"origins,omitempty"`
	Controller Controller                   `yaml:"controller"`
	Purposes   []PurposeConfig              `yaml:"purposes"`
	Signals    map[string]map[string]string `yaml:"signals,omitempty"` // signal, purpose, reach
	// Jurisdictions says where the rules differ: eu, us, us-ca and so on, other.
	Jurisdictions map[string]JurisdictionConfig `yaml:"jurisdictions,omitempty"`
	// OutsideEURules holds the UK (GB) or Switzerland (CH) apart from the rules of
	// the EU, which hold there otherwise.
	OutsideEURules []string            `yaml:"outside_eu_rules,omitempty"`
	Categories     map[string]string   `yaml:"categories,omitempty"` // a consent tool's category, purpose
	TCF            TCF                 `yaml:"tcf,omitempty"`
	USOptOuts      map[string][]string `yaml:"us_opt_outs,omitempty"` // purpose, opt-outs of US law
	Google         map[string][]string `yaml:"google,omitempty"`      // purpose, keys of consent mode
	Special        Sensitive           `yaml:"special,omitempty"`     // special categories (GDPR Art. 9)
	Criminal       Sensitive           `yaml:"criminal,omitempty"`    // criminal convictions (Art. 10)
	Child          Sensitive           `yaml:"child,omitempty"`       // for children (Art. 8)
	Properties     Allow               `yaml:"properties,omitempty"`
	Query          Allow               `yaml:"query,omitempty"`
	Traits         TraitsConfig        `yaml:"traits,omitempty"`
	// ReleaseUnset lets a grant release the events that a page held because nobody
	// had chosen yet.
	ReleaseUnset bool `yaml:"release_unset,omitempty"`
	// Cookieless says what becomes of whoever sends no id: off (also when left out),
	// or daily, for a pseudonym of one day.
	Cookieless string `yaml:"cookieless,omitempty"`
	// ProfilingOffHistory says what becomes of a person's rows once profiling is
	// switched off: erase (also when left out), anonymise or keep.
	ProfilingOffHistory string `yaml:"profiling_off_history,omitempty"`

	loopback bool   // the demo's: its key works from loopback only
	dir      string // relative secret files are looked for here
}

// Keys are a site's write keys. Secrets come by file only.
type Keys struct {
	Public     []string `yaml:"public,omitempty"`
	SecretFile string   `yaml:"secret_file,omitempty"`
}

// Controller is who decides about purposes and means (GDPR Art. 4(7)).
type Controller struct {
	Name          string `yaml:"name" json:"name"`
	Address       string `yaml:"address" json:"address"`
	Establishment string `yaml:"establishment" json:"establishment"` // ISO 3166-1 alpha-2, in the US with the state: US-CA
	Contact       string `yaml:"contact" json:"contact"`
	// Email, Phone and PolicyURL are for records and receipts of consents, which
	// are refused without them.
	Email     string `yaml:"email,omitempty" json:"email,omitempty"`
	Phone     string `yaml:"phone,omitempty" json:"phone,omitempty"`
	PolicyURL string `yaml:"policy_url,omitempty" json:"policy_url,omitempty"`
}

// Allow is an allow-list.
type Allow struct {
	Keep []string `yaml:"keep,omitempty"`
}

// PurposeConfig is one purpose, as the file writes it.
type PurposeConfig struct {
	ID      string `yaml:"id"`
	Kind    string `yaml:"kind"`
	Basis   string `yaml:"basis"`
	Version uint32 `yaml:"version,omitempty"` // 1 when left out; raise it with every change of text or scope
	Bit     *uint8 `yaml:"bit,omitempty"`     // the place in the list when left out; never reuse one
	// TerminalAccess says whether the purpose stores or reads anything on the
	// device: "device" (also when left out) or "none".
	TerminalAccess string `yaml:"terminal_access,omitempty"`
	// Exemption names the national exemption from consent for device access, of a
	// closed list.
	Exemption string `yaml:"exemption,omitempty"`
	// Default is what holds when nobody has said anything: deny, and nothing else.
	Default string `yaml:"default,omitempty"`
	// RenewAfter is how long a grant counts; for as long as the version is in
	// force when left out.
	RenewAfter string `yaml:"renew_after,omitempty"`
	// Guardian asks for a guardian's grant for every minor, not only for those
	// below the national age.
	Guardian bool `yaml:"guardian,omitempty"`
	// Special lets the purpose have special categories of data, with an explicit
	// grant in the ledger.
	Special   bool              `yaml:"special,omitempty"`
	Retention string            `yaml:"retention"` // 30d, 25mo or 2y
	Text      map[string]string `yaml:"text,omitempty"`
	// BalancingTest refers to the document of a legitimate interest.
	BalancingTest string `yaml:"balancing_test,omitempty"`
	// Uses are the purposes on basis related that the text of this one, which is on
	// consent, names: the consent is for them too.
	Uses []string `yaml:"uses,omitempty"`
	// OnWithdrawal says what becomes of rows that rest on the purpose once it is
	// withdrawn: erase (also when left out) or anonymise.
	OnWithdrawal string `yaml:"on_withdrawal,omitempty"`
	// RelatedTo, CompatibilityTest and Notice are for basis related (Art. 6(4)).
	RelatedTo         string   `yaml:"related_to,omitempty"`
	CompatibilityTest string   `yaml:"compatibility_test,omitempty"`
	Notice            string   `yaml:"notice,omitempty"`
	Recipients        []string `yaml:"recipients,omitempty"`
	StorageLocations  []string `yaml:"storage_locations,omitempty"`
	DPV               string   `yaml:"dpv,omitempty"`
	Data              []string `yaml:"data,omitempty"` // categories of data the purpose may use
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Settings: Settings{
			Data: "data", Public: "127.0.0.1:8080", Console: "127.0.0.1:8081", Ops: "127.0.0.1:8082",
		},
		Retention:  Keep{ContactAfterLastSeen: "12mo"},
		SpoolLimit: "4GiB", SealedLimit: "256MiB", CachedSubjects: 1_000_000, CachedAgents: 16 << 10, CachedStrings: "16MiB", KeptReasons: 16 << 10,
	}
}

package config

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// Resolve puts flags over variables over the file over the defaults. A flag that
// is empty was not given; path may be empty, or come from ZGODA_CONFIG. lookup is
// os.LookupEnv. It does not validate.
func Resolve(flags Settings, path string, lookup func(string) (string, bool)) (Config, error) {
	if path == "" {
		path, _ = lookup("ZGODA_CONFIG")
	}
	c := DefaultConfig()
	if path != "" {
		var err error
		if c, err = Load(path); err != nil {
			return Config{}, err
		}
	}
	env, err := c.environment(lookup)
	if err != nil {
		return Config{}, err
	}
	c.Settings = flags.over(env.over(c.Settings))
	return c, nil
}

// over returns s, with what it leaves out taken from below.
func (s Settings) over(below Settings) Settings {
	pick := func(a, b string) string {
		if a != "" {
			return a
		}
		return b
	}
	return Settings{
		Data:       pick(s.Data, below.Data),
		Public:     pick(s.Public, below.Public),
		Console:    pick(s.Console, below.Console),
		Ops:        pick(s.Ops, below.Ops),
		ClickHouse: DSN(pick(string(s.ClickHouse), string(below.ClickHouse))),
		Candidate:  pick(s.Candidate, below.Candidate),
	}
}

// environment reads the variables. Those that are no settings are put in place.
func (c *Config) environment(lookup func(string) (string, bool)) (Settings, error) {
	get := func(name string) string {
		text, _ := lookup("ZGODA_" + name)
		return text
	}
	s := Settings{
		Data: get("DATA"), Public: get("PUBLIC"), Console: get("CONSOLE"), Ops: get("OPS"), ClickHouse: DSN(get("CLICKHOUSE")),
		Candidate: get("CANDIDATE"),
	}
	if u, err := url.Parse(s.ClickHouse.Reveal()); err == nil {
		_, has := u.User.Password()
		if has || u.Query().Has("password") {
			return Settings{}, errors.New("ZGODA_CLICKHOUSE: holds a password, which other processes could read; give it in the file or by the flag")
		}
	}
	if err := c.controlEnvironment(get); err != nil {
		return Settings{}, err
	}
	if text := get("PROXIES"); text != "" {
		c.Proxies = strings.Split(text, ",")
	}
	if text := get("CLICKHOUSE_REPLICAS"); text != "" {
		c.ClickHouseReplicas = strings.Split(text, ",")
	}
	if text := get("RETENTION_CONTACT_AFTER_LAST_SEEN"); text != "" {
		c.Retention.ContactAfterLastSeen = text
	}
	if text := get("SPOOL_LIMIT"); text != "" {
		c.SpoolLimit = text
	}
	if text := get("SEALED_LIMIT"); text != "" {
		c.SealedLimit = text
	}
	if text := get("CACHED_SUBJECTS"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return Settings{}, errors.New("ZGODA_CACHED_SUBJECTS: not a whole number")
		}
		c.CachedSubjects = n
	}
	if text := get("CACHED_AGENTS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return Settings{}, errors.New("ZGODA_CACHED_AGENTS: not a whole number")
		}
		c.CachedAgents = n
	}
	if text := get("CACHED_STRINGS"); text != "" {
		c.CachedStrings = text
	}
	if text := get("KEPT_REASONS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return Settings{}, errors.New("ZGODA_KEPT_REASONS: not a whole number")
		}
		c.KeptReasons = n
	}
	return s, nil
}

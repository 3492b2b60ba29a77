package config

import (
	"errors"
	"strconv"
	"strings"
)

// MinSpoolLimit is the least that spool_limit may be: four segments.
const MinSpoolLimit = 64 << 20

// MinSealedLimit is the least that sealed_limit may be: four segments.
const MinSealedLimit = 64 << 20

// The least and the most that cached_subjects may be.
const (
	MinCachedSubjects = 1_000
	MaxCachedSubjects = 100_000_000
)

// The least and the most that cached_agents may be.
const (
	MinCachedAgents = 64
	MaxCachedAgents = 4 << 20
)

// The least and the most that cached_strings may be.
const (
	MinCachedStrings = 1 << 20
	MaxCachedStrings = 64 << 30
)

// The least, beside none, and the most that kept_reasons may be.
const (
	MinKeptReasons = 64
	MaxKeptReasons = 4 << 20
)

// SpoolBytes returns spool_limit in bytes.
func (c Config) SpoolBytes() (int64, error) {
	n, err := parseSize(c.SpoolLimit)
	if err == nil && n < MinSpoolLimit {
		err = errors.New("must be at least 64MiB")
	}
	return n, err
}

// SealedBytes returns sealed_limit in bytes.
func (c Config) SealedBytes() (int64, error) {
	n, err := parseSize(c.SealedLimit)
	if err == nil && n < MinSealedLimit {
		err = errors.New("must be at least 64MiB")
	}
	return n, err
}

// StringBytes returns cached_strings in bytes.
func (c Config) StringBytes() (int64, error) {
	n, err := parseSize(c.CachedStrings)
	if err == nil && (n < MinCachedStrings || n > MaxCachedStrings) {
		err = errors.New("must be from 1MiB to 64GiB")
	}
	return n, err
}

// parseSize reads a whole number of MiB, GiB or TiB.
func parseSize(text string) (int64, error) {
	for unit, shift := range map[string]int{"MiB": 20, "GiB": 30, "TiB": 40} {
		number, ok := strings.CutSuffix(text, unit)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 22) // of the largest unit that is as much as an int64 holds
		if err == nil {
			return int64(n) << shift, nil
		}
	}
	return 0, errors.New("must be a size such as 512MiB or 4GiB")
}

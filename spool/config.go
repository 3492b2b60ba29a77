package spool

import (
	"errors"
	"fmt"
	"time"
)

// Config are the spool's settings.
type Config struct {
	Dir          string        // folder of the segments; made with mode 0700
	SegmentBytes int64         // a segment that has grown to this is followed by a new one
	MaxBytes     int64         // Put answers ErrFull from here on
	LowMark      float64       // share of MaxBytes below which Put takes records again
	MaxRecord    int           // the longest record
	GroupBytes   int           // the most that gathers while one group is being written
	MaxWait      time.Duration // the most that a group gathers before it is written, under load; 0 is never
	ReadBytes    int           // the most that one Next hands out
	ReadTries    int           // how often the disk may refuse to give a segment back before it is set aside
	ProbeEvery   time.Duration // how often a failed disk is tried again
	HangAfter    time.Duration // a disk that is waited for longer makes the spool unhealthy
	LockWait     time.Duration // how long Open waits for a dying process to let go of the folder
}

// DefaultConfig returns the settings for a folder named by the caller.
func DefaultConfig() Config {
	return Config{
		SegmentBytes: 64 << 20,
		MaxBytes:     4 << 30,
		LowMark:      0.9,
		MaxRecord:    128 << 10,
		GroupBytes:   16 << 20,
		MaxWait:      2 * time.Millisecond,
		ReadBytes:    16 << 20,
		ReadTries:    8,
		ProbeEvery:   500 * time.Millisecond,
		HangAfter:    5 * time.Second,
		LockWait:     15 * time.Second,
	}
}

// Validate names every setting that is wrong.
func (c Config) Validate() error {
	var errs []error
	wrong := func(key, want string) { errs = append(errs, fmt.Errorf("spool: %s must be %s", key, want)) }
	if c.Dir == "" {
		wrong("dir", "set")
	}
	if c.MaxRecord < 1 || c.MaxRecord > maxPlain/2 {
		wrong("max_record", fmt.Sprintf("between 1 and %d bytes", maxPlain/2))
	}
	if c.GroupBytes < c.MaxRecord+maxPrefix || c.GroupBytes > maxPlain {
		wrong("group_bytes", fmt.Sprintf("at least max_record and %d, and at most %d", maxPrefix, maxPlain))
	}
	if c.SegmentBytes < int64(c.GroupBytes) {
		wrong("segment_bytes", "at least group_bytes")
	}
	// Less than this and a released segment that is still written to could keep the spool full for ever.
	if c.MaxBytes < 4*c.SegmentBytes {
		wrong("max_bytes", "at least four times segment_bytes")
	}
	if c.LowMark < 0.6 || c.LowMark > 1 {
		wrong("low_mark", "between 0.6 and 1")
	}
	if c.MaxWait < 0 || c.MaxWait > time.Second {
		wrong("max_wait", "between 0 and a second")
	}
	if c.ReadBytes < 1 {
		wrong("read_bytes", "positive")
	}
	if c.ReadTries < 1 {
		wrong("read_tries", "positive")
	}
	if c.ProbeEvery <= 0 {
		wrong("probe_every", "positive")
	}
	if c.HangAfter <= 0 {
		wrong("hang_after", "positive")
	}
	if c.LockWait < 0 {
		wrong("lock_wait", "zero or more")
	}
	return errors.Join(errs...)
}

package later

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"zgoda/spool"
)

// MinLimit is the least that a queue may hold, in bytes.
const MinLimit = 64 << 20

// QueueConfig returns the settings of the spool that the queue is, in a folder of
// its own. Segments are a sixteenth of the limit at most, so that what was decided
// soon makes room, and never less than what may gather while the disk is waited for.
func QueueConfig(dir string, limit int64) spool.Config {
	c := spool.DefaultConfig()
	c.Dir, c.MaxBytes = dir, limit
	c.SegmentBytes = max(int64(c.GroupBytes), min(c.SegmentBytes, limit/16))
	c.ReadBytes = int(min(int64(c.ReadBytes), limit/16))
	return c
}

// QueueKey derives the key that seals the queue from that of the spool, so that no
// file of one can stand for one of the other.
func QueueKey(spoolKey []byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, spoolKey, nil, "zgoda later queue", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the queue's key: %w", err)
	}
	return key, nil
}

package said

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// QueueKey derives the key that seals the queue from that of the spool, so that no
// file of one can stand for one of the other.
func QueueKey(spoolKey []byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, spoolKey, nil, "zgoda said queue", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the queue's key: %w", err)
	}
	return key, nil
}

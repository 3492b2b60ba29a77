package control

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zgoda/event"
)

// What nodes that share a store tell each other, in PostgreSQL's notifications:
//
//	1 change INSTANCE FROM TO AT PART PARTS HANDLES   the entries after FROM up to TO are written
//	1 beat INSTANCE NUMBER                            the instance is there
//
// INSTANCE is the process that tells it. AT is when, in microseconds since 1970 by the writer's clock; HANDLES are those
// of the affected, in base64, or "everyone". All parts of a change are told by one
// transaction and arrive one after the other.

// channel is where they are told.
const channel = "zgoda_control"

// A notice is below 8,000 bytes: a handle takes 22.
const (
	noticeHandles = 340
	noticeParts   = groupAffected/noticeHandles + 1
	everyone      = "everyone"
)

// notice is one of them, read.
type notice struct {
	beat        bool
	instance    string
	number      uint64
	from, to    event.Sequence // of a change
	at          time.Time
	part, parts int
	everyone    bool
	affected    []event.Handle
}

// errNotice is returned for what is no notice of ours.
var errNotice = errors.New("a notification that cannot be read")

func beatNotice(instance string, number uint64) string {
	return fmt.Sprintf("1 beat %s %d", instance, number)
}

// changeNotices tells of a change of everything after from.
func changeNotices(instance string, from event.Sequence, c *Change, at time.Time) []string {
	head := fmt.Sprintf("1 change %s %d %d %d", instance, from, c.Sequence, at.UnixMicro())
	parts := (len(c.Affected) + noticeHandles - 1) / noticeHandles
	if c.Everyone || parts > noticeParts {
		return []string{head + " 1 1 " + everyone}
	}
	parts = max(parts, 1)
	texts := make([]string, parts)
	for i := range texts {
		var b strings.Builder
		fmt.Fprintf(&b, "%s %d %d ", head, i+1, parts)
		for _, h := range c.Affected[i*noticeHandles : min(len(c.Affected), (i+1)*noticeHandles)] {
			b.WriteString(base64.RawStdEncoding.EncodeToString(h[:]))
		}
		texts[i] = b.String()
	}
	return texts
}

func readNotice(text string) (n notice, err error) {
	f := strings.Split(text, " ")
	if len(f) < 2 || f[0] != "1" {
		return n, errNotice
	}
	switch {
	case f[1] == "beat" && len(f) == 4:
		n.beat, n.instance = true, f[2]
		n.number, err = strconv.ParseUint(f[3], 10, 64)
	case f[1] == "change" && len(f) == 9:
		n.instance = f[2]
		err = n.readChange(f[3:])
	default:
		err = errNotice
	}
	if err != nil {
		return notice{}, errNotice
	}
	return n, nil
}

func (n *notice) readChange(f []string) error {
	var numbers [5]int64
	for i := range numbers {
		var err error
		if numbers[i], err = strconv.ParseInt(f[i], 10, 64); err != nil || numbers[i] < 0 {
			return errNotice
		}
	}
	n.from, n.to, n.at = event.Sequence(numbers[0]), event.Sequence(numbers[1]), time.UnixMicro(numbers[2])
	if n.to <= n.from || numbers[3] < 1 || numbers[4] < numbers[3] || numbers[4] > noticeParts {
		return errNotice
	}
	n.part, n.parts = int(numbers[3]), int(numbers[4])
	if f[5] == everyone {
		n.everyone = true
		return nil
	}
	const size = 22
	if len(f[5])%size != 0 {
		return errNotice
	}
	for at := 0; at < len(f[5]); at += size {
		b, err := base64.RawStdEncoding.Strict().DecodeString(f[5][at : at+size])
		if err != nil || len(b) != len(event.Handle{}) {
			return errNotice
		}
		n.affected = append(n.affected, event.Handle(b))
	}
	return nil
}

package access

import (
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/pseudonym/keyholderpb"
)

const (
	maxActor  = 64
	maxReason = 200
	maxDigits = 6 // more of them in a row could be a phone number
)

var errCall = status.Error(codes.InvalidArgument,
	"a request names its id, its time, who acts (1 to 64 bytes) and, where it is asked for, why: at most 200 bytes, no mail address and no long number")

var errReplay = status.Error(codes.FailedPrecondition, "the request is too old, of the future, or was made before")

// called is a request that says who acts.
type called interface{ GetCall() *keyholderpb.Call }

var errNoCall = errors.New("no call")

// checkCall says whether a call says properly who acts and what for.
func checkCall(c *keyholderpb.Call, reason bool) error {
	if len(c.GetId()) != 16 || c.GetAt() <= 0 ||
		!plain(c.GetActor(), 1, maxActor) || !plain(c.GetReason(), 0, maxReason) ||
		(reason && strings.TrimSpace(c.GetReason()) == "") || Personal(c.GetReason()) {
		return errNoCall
	}
	return nil
}

// Plain says whether a text is fit to name somebody in a log: 1 to 64 bytes.
func Plain(text string) bool { return plain(text, 1, maxActor) }

func plain(text string, least, most int) bool {
	if len(text) > most || len(strings.TrimSpace(text)) < least {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar })
}

// known are words with digits that are no telephone number: dates, and the ids of
// requests of data subjects.
var known = regexp.MustCompile(`\b(\d{4}-\d\d-\d\d|r_[0-9a-z]{26})\b`)

// Personal says whether a text looks as if it had a mail address or a phone
// number in it: neither belongs into a log. A date and a request's id are no number.
func Personal(text string) bool {
	digits := 0
	for _, r := range known.ReplaceAllString(text, "d") {
		switch {
		case r == '@' || r == '＠':
			return true
		case unicode.IsDigit(r):
			if digits++; digits > maxDigits {
				return true
			}
		case strings.ContainsRune(" -./()+", r): // as people write within numbers
		default:
			digits = 0
		}
	}
	return false
}

func timeOf(c *keyholderpb.Call) time.Time { return time.UnixMilli(c.GetAt()) }

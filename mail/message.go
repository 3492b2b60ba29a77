package mail

import (
	"crypto/rand"
	"fmt"
	"log/slog"
)

// Message is one mail to one person. It prints as [redacted].
type Message struct {
	To       string // an address alone
	FromName string // shown beside the sender's address; may be empty
	Subject  string
	Text     string // plain text, lines ended by \n
	Locale   string // the language of the text, for Content-Language; may be empty
}

// String returns "[redacted]".
func (Message) String() string { return redacted }

// GoString returns "[redacted]".
func (Message) GoString() string { return redacted }

// Format writes "[redacted]" under every verb.
func (Message) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Message) LogValue() slog.Value { return slog.StringValue(redacted) }

// messageID makes an id that says nothing of this machine.
func messageID(domain string) string { return rand.Text() + "@" + domain }

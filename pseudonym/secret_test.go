package pseudonym

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretPrintsRedacted(t *testing.T) {
	canary := "canary-of-thirty-two-bytes-12345"
	secret := NewSecret([]byte(canary))
	type holder struct {
		Key    Secret
		hidden Secret
	}
	values := map[string]any{
		"secret": secret, "pointer": &secret, "slice": []Secret{secret},
		"struct": holder{Key: secret, hidden: secret}, "gate": GateKeys{{Version: 1, Key: secret}},
		"keys": Keys{Gate: GateKeys{{Version: 1, Key: secret}}, Spool: secret, Cookie: secret},
	}
	for name, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%o", "%U", "%c", "%T"} {
			checkHidden(t, name+" "+verb, fmt.Sprintf(verb, value), canary)
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		checkHidden(t, name+" json", string(encoded), canary)
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "value", value)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "value", value)
		checkHidden(t, name+" slog", log.String(), canary)
	}
	if got := secret.String() + secret.GoString(); got != "[redacted][redacted]" {
		t.Errorf("String and GoString gave %q", got)
	}
	if string(secret.Reveal()) != canary || secret.IsZero() || !(Secret{}).IsZero() || (Secret{}).Reveal() != nil {
		t.Error("Reveal or IsZero is wrong")
	}
}

// checkHidden looks for the canary in every form that a verb could give it.
func checkHidden(t *testing.T, what, got, canary string) {
	t.Helper()
	for _, form := range []string{canary, canary[:8], fmt.Sprintf("%x", canary[:8]), fmt.Sprintf("%X", canary[:8]), "99 97 110", "99,97,110"} {
		if strings.Contains(got, form) {
			t.Errorf("%s shows the secret: %q", what, got)
		}
	}
}

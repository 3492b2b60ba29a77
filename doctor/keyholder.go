package doctor

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"zgoda/pseudonym"
)

// The ages of keys.
const (
	rewrapOld   = 100_000 * time.Second // as the alert has it: a night was left out
	rotationOld = 24 * time.Hour
	keyOld      = 2 * 365 * 24 * time.Hour
)

// statusOf asks the keyholder once.
func (s *system) statusOf(ctx context.Context) (pseudonym.Status, error) {
	return s.status.get(func() (pseudonym.Status, error) {
		switch {
		case s.Offline:
			return pseudonym.Status{}, errOffline
		case s.Keyholder == nil:
			return pseudonym.Status{}, ErrNotRunning
		}
		return s.Keyholder.Status(ctx)
	})
}

// unheld is the finding of what needs the keyholder.
func unheld(err error) []Finding {
	switch {
	case errors.Is(err, errOffline):
		return skipped("needs the keyholder, and no process is asked (--offline)")
	case errors.Is(err, ErrNotRunning):
		return skipped("needs the keyholder's role administrator, which cannot be reached from here: --socket, or --keyholder with --certificate")
	default:
		return failed("the keyholder could not be asked", err)
	}
}

// keys looks at the ages of keys, rotations under way, and who waits.
func (s *system) keys(ctx context.Context) []Finding {
	status, err := s.statusOf(ctx)
	if err != nil {
		return unheld(err)
	}
	var list []Finding
	if at := status.Rewrapped; !at.IsZero() && s.began.Sub(at) > rewrapOld {
		list = append(list, Finding{
			Level: Problem, What: "salts and contacts' keys were last sealed anew " + s.began.Sub(at).Round(time.Hour).String() + " ago", Why: "what was erased since is still readable in copies of the vault",
			Do: "`zgoda keys rotate slot`; the keyholder's log says why the night's was left out", Runbook: "ZgodaKeysOld",
		})
	}
	for _, k := range status.Keys {
		if k.State == "current" && !k.Made.IsZero() && s.began.Sub(k.Made) > keyOld && rotates(k.Key) {
			list = append(list, Finding{
				Level: Warning, What: fmt.Sprintf("the key %s has been in use for %d days", k.Key, int(s.began.Sub(k.Made).Hours()/24)), Why: "the longer a key is used, the more a copy of it opens",
				Do: "`zgoda keys rotate " + k.Key + "`", Runbook: "ZgodaKeysOld",
			})
		}
	}
	for _, p := range status.UnderWay {
		if began := madeOf(status.Keys, p.Key); !began.IsZero() && s.began.Sub(began) > rotationOld {
			list = append(list, Finding{
				Level: Warning, What: fmt.Sprintf("the rotation of %s has been under way for %s: %s", p.Key, s.began.Sub(began).Round(time.Hour), p.Step),
				Why: "until it ends the old key is kept, and opens what it always did",
				Do:  "`zgoda keys status`; the log of the gateway that rewrites says what it waits for", Runbook: "ZgodaRotationStuck",
			})
		}
	}
	return append(list, s.keyMetrics(ctx)...)
}

// rotates says whether a key is rotated by hand alone.
func rotates(key string) bool {
	return key == "link" || key == "gate" || key == "purpose-profiling" || key == "purpose-analytics"
}

// madeOf is when the newest version of a key was made.
func madeOf(keys []pseudonym.KeyStatus, name string) (at time.Time) {
	for _, k := range keys {
		if k.Key == name && k.Made.After(at) {
			at = k.Made
		}
	}
	return at
}

// keyMetrics are what the processes tell of keys, and who waits for whom.
func (s *system) keyMetrics(ctx context.Context) (list []Finding) {
	if k, err := s.keyholderMetrics(ctx); err == nil {
		if _, unreached := k.above("zgoda_keyholder_kek_unreached", 0); unreached {
			list = append(list, Finding{
				Level: Problem, What: "the key-encryption key in use is not reached by this keyholder", Why: "it ends answering when a key changes, and could not start again",
				Do: "give it the way to that key, as docs/keys.md says of several keyholders", Runbook: "ZgodaKeysOld",
			})
		}
	}
	if m, err := s.metrics(ctx); err == nil {
		if held, told := m.value("zgoda_daily_key_held"); told && held == 0 {
			list = append(list, Finding{
				Level: Warning, What: "there is no key of this day", Why: "who sends no id is not counted", Do: "`zgoda keys status`; the keyholder hands it out at midnight, UTC", Runbook: "ZgodaKeysOld",
			})
		}
		if _, open := m.above("zgoda_rekey_open", 0); open {
			if n, failed := m.above("zgoda_rekey_failures_total", 0); failed {
				list = append(list, Finding{
					Level: Warning, What: fmt.Sprintf("the rewriting of rows under a new key was begun anew %.0f times", n), Why: "rows stay under old pseudonyms until it is through",
					Do: "the gateway's log says why; `zgoda keys status`", Runbook: "ZgodaRotationStuck",
				})
			}
		}
	}
	if s.Waiting == nil {
		return list
	}
	if n, err := s.Waiting(ctx); err == nil && n > 0 {
		list = append(list, Finding{
			Level: Warning, What: fmt.Sprintf("%d reveals above the limit wait for a second person", n), Why: "they end after a quarter of an hour, and somebody may be trying to read many people",
			Do: "`zgoda keys waiting`; then `zgoda keys approve ID`, or ask who it is",
		})
	}
	return list
}

// certificates looks at how long those for the keyholder are in force.
func (s *system) certificates(ctx context.Context) []Finding {
	var list []Finding
	c, _ := s.settings() // said by its own check
	for _, path := range c.Certificates {
		list = append(list, s.certificate(path)...)
	}
	m, err := s.metrics(ctx)
	if err != nil {
		return append(list, unseen(err)...)
	}
	m.each("zgoda_certificate_expires_seconds", "role", func(role string, left float64) {
		m.each("zgoda_certificate_life_seconds", "role", func(other string, life float64) {
			if role == other && life > 0 {
				list = append(list, expiring("the certificate of the role "+role+" in use", left, life)...)
			}
		})
	})
	return list
}

// expiring: a certificate is renewed at half of its life.
func expiring(what string, left, life float64) []Finding {
	f := Finding{
		Why: "without it the keyholder answers nobody: events of who is not known wait, requests are not served",
		Do:  "`zgoda keys issue ROLE NAME --out FILE`, for the file that the configuration names; it is renewed by itself while the keyholder answers", Runbook: "ZgodaCertificateExpiring",
	}
	switch {
	case left <= 0:
		f.Level, f.What = Problem, what+" is over since "+duration(-left)
	case left < 0.25*life:
		f.Level, f.What = Problem, what+" ends in "+duration(left)+" and was not renewed"
	case left < 0.4*life:
		f.Level, f.What = Warning, what+" ends in "+duration(left)+" and should have been renewed"
	default:
		return nil
	}
	return []Finding{f}
}

func (s *system) certificate(path string) []Finding {
	raw, err := os.ReadFile(path)
	if err != nil {
		return []Finding{{Level: Problem, What: path + " cannot be read: " + reason(err), Why: "the gateway cannot call the keyholder without it", Do: "`zgoda keys issue ROLE NAME --out " + path + "`"}}
	}
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			break
		}
		return expiring(path, cert.NotAfter.Sub(s.began).Seconds(), cert.NotAfter.Sub(cert.NotBefore).Seconds())
	}
	return []Finding{{Level: Problem, What: path + " holds no certificate", Why: "the gateway cannot call the keyholder without it", Do: "`zgoda keys issue ROLE NAME --out " + path + "`"}}
}

// audit has the keyholder check its log of calls, and sees that it grows: these
// calls are in it themselves.
func (s *system) audit(ctx context.Context) []Finding {
	before, err := s.statusOf(ctx)
	if err != nil {
		return unheld(err)
	}
	var list []Finding
	seals, err := s.Keyholder.CheckCalls(ctx)
	const doubt = "it is the proof of who revealed whom: what is not in it cannot be found out any more"
	switch {
	case ctx.Err() != nil:
		list = append(list, Finding{Level: Warning, What: "the log of calls is too long to be checked in this time", Do: "`zgoda keys log verify`"})
	case err != nil && strings.HasPrefix(err.Error(), "keyholder "):
		return unheld(err)
	case err != nil:
		list = append(list, Finding{Level: Problem, What: "the log of calls does not hold: " + err.Error(), Why: doubt, Do: "treat it as an incident; keep a copy of the keyholder's folder, then: `zgoda keys log verify --expect N:HASH`"})
	case seals.Last < before.Calls:
		list = append(list, Finding{Level: Problem, What: "the log of calls got shorter while it was looked at", Why: doubt, Do: "treat it as an incident; keep a copy of the keyholder's folder"})
	case seals.Last == 0:
		list = append(list, Finding{Level: Problem, What: "the log of calls is empty, though calls were made", Why: doubt, Do: "treat it as an incident; keep a copy of the keyholder's folder"})
	default:
		list = append(list, Finding{Level: OK, What: fmt.Sprintf("the log of calls holds: %d entries, sealed up to %d", seals.Last, seals.Sealed)})
	}
	if k, err := s.keyholderMetrics(ctx); err == nil {
		if n, open := k.above("zgoda_keyholder_incident_drafts_total", 0); open {
			list = append(list, Finding{
				Level: Problem, What: fmt.Sprintf("%.0f drafts of incidents were opened since the keyholder's start", n), Why: "somebody has to decide whether it was a breach, within 72 hours of knowing (Art. 33 GDPR)",
				Do: "`zgoda keys incidents`, and decide on each", Runbook: "ZgodaIncidentDraft",
			})
		}
		k.each("zgoda_keyholder_refused_total", "why", func(why string, n float64) {
			if n > 0 && (why == "peer" || why == "certificate" || why == "role" || why == "replay") {
				list = append(list, Finding{
					Level: Warning, What: fmt.Sprintf("%.0f calls were refused since the keyholder's start: %s", n, why), Why: "that is nobody of yours: a program that is wrongly set up, or somebody who tries",
					Do: "`zgoda keys log show`, for when and from where", Runbook: "ZgodaKeyholderRefusals",
				})
			}
		})
	}
	return list
}

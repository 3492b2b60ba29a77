package apptest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"zgoda/mail/mailtest"
)

// TestContactSpeaks: with a public key a contact grants and refuses with a proof,
// a wrong one writes nothing, and a link of a mail's footer withdraws by one click.
func TestContactSpeaks(t *testing.T) {
	s := shop(t, mailtest.Start(t, mailtest.Options{}), "SK", "")
	page := map[string]string{"Origin": "https://shop.example"}
	mac := hmac.New(sha256.New, []byte(shopSecret))
	mac.Write([]byte("jana"))
	proof := hex.EncodeToString(mac.Sum(nil))
	_, state := send(t, http.MethodGet, s.public+"/consent?key=pk_shop_12345678", "", page)
	version, _, ok := strings.Cut(strings.TrimPrefix(state, `{"version":`), ",")
	if !ok {
		t.Fatalf("the state: %s", state)
	}
	choose := func(proof, choices string) (int, string) {
		resp, text := post(t, s.public+"/consent", `{"key":"pk_shop_12345678","version":"`+version+`","surface":"account","userId":"jana","proof":"`+
			proof+`","choices":`+choices+`}`, page)
		return resp.StatusCode, text
	}
	history := func() string {
		out, errs, code := s.zgoda(t, "", "contact", "show", "--site", "shop", "--identifier", "user_id:jana")
		if code != 0 {
			return errs
		}
		return out
	}
	if status, text := choose(strings.Repeat("0", 64), `{"analytics":true}`); status != http.StatusForbidden || !strings.Contains(text, `"proof"`) {
		t.Errorf("a wrong proof: %d %s", status, text)
	}
	if out := history(); strings.Contains(out, "given") {
		t.Errorf("a wrong proof wrote: %s", out)
	}
	if status, text := choose(proof, `{"analytics":true,"marketing":true}`); status != http.StatusOK {
		t.Fatalf("a good proof: %d %s", status, text)
	}
	if out := history(); strings.Count(out, "given") < 2 {
		t.Fatalf("the contact's grants: %s", out)
	}
	if status, text := choose(proof, `{"analytics":false}`); status != http.StatusOK || !strings.Contains(history(), "withdrawn") {
		t.Errorf("its withdrawal: %d %s %s", status, text, history())
	}
	out, errs, code := s.zgoda(t, "", "contact", "withdrawal-link", "--site", "shop", "--identifier", "user_id:jana", "--purpose", "marketing")
	link, _, _ := strings.Cut(out, "\n")
	path, ok := strings.CutPrefix(link, "http://127.0.0.1:8080") // mail.links of the configuration
	if code != 0 || !ok {
		t.Fatalf("the link: %d %s %s", code, out, errs)
	}
	if resp, text := send(t, http.MethodGet, s.public+path, "", nil); resp.StatusCode != http.StatusOK || !strings.Contains(text, "Send you offers.") || strings.Contains(history(), "marketing  withdrawn") {
		t.Errorf("looking: %d %s", resp.StatusCode, history())
	}
	resp, _ := post(t, s.public+path, "List-Unsubscribe=One-Click", map[string]string{"Content-Type": "application/x-www-form-urlencoded"})
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the click: %d", resp.StatusCode)
	}
	eventually(t, 5*time.Second, "the withdrawal", func() bool { return strings.Contains(history(), "marketing  withdrawn") })
	if got := s.metrics(t)[`zgoda_choice_contacts_total{fate="wrong"}`]; got != 1 {
		t.Errorf("%v wrong proofs counted", got)
	}
}

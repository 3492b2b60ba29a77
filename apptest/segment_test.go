package apptest

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSegmentSDK points npm's @segment/analytics-node at the gateway.
func TestSegmentSDK(t *testing.T) {
	s := up(t)
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join("testdata", "segment.cjs"), s.public, "demo-key")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the SDK failed: %v\n%s", err, out)
	}
	s.settled(t, 30*time.Second)

	rows := map[string]map[string]string{}
	columns := []string{"message_id", "type", "name", "scope", "country", "browser", "os", "campaign_name", "campaign_source", "page_path", "properties", "subject", "visitor"}
	for _, row := range s.rows(t, "SELECT message_id, toString(type), name, toString(scope), country, browser, os, campaign_name, campaign_source, page_path, properties, hex(subject), hex(visitor) FROM events") {
		cells := map[string]string{}
		for i, c := range columns {
			cells[c] = row[i]
		}
		rows[cells["message_id"]] = cells
	}
	if len(rows) != 17 {
		t.Fatalf("%d rows, want 17", len(rows))
	}
	for id, want := range map[string]map[string]string{
		"sdk-identify": {"type": "identify", "scope": "person"},
		"sdk-track":    {"type": "track", "name": "Order Completed", "scope": "person", "country": "NL", "browser": "Firefox", "campaign_name": "spring", "campaign_source": "newsletter", "page_path": "/cart"},
		"sdk-page":     {"type": "page", "name": "Cart", "scope": "person"},
		"sdk-screen":   {"type": "screen", "name": "Basket", "scope": "person"},
		"sdk-group":    {"type": "group", "scope": "person"},
		"sdk-alias":    {"type": "alias", "scope": "person"},
		"sdk-batch-9":  {"type": "track", "name": "Viewed", "scope": "person"},
		// nobody granted anything for this contact: measurement alone
		"sdk-noconsent": {"type": "track", "name": "Order Completed", "scope": "none", "subject": strings.Repeat("0", 32), "visitor": strings.Repeat("0", 32), "properties": "", "browser": ""},
	} {
		for column, value := range want {
			if got := rows[id][column]; got != value {
				t.Errorf("%s: %s = %q, want %q", id, column, got, value)
			}
		}
	}
	if p := rows["sdk-track"]["properties"]; !strings.Contains(p, "LAMP-7") || !strings.Contains(p, "39.9") {
		t.Errorf("properties of the order: %q", p)
	}
	zero := strings.Repeat("0", 32)
	subject, visitor := rows["sdk-track"]["subject"], rows["sdk-track"]["visitor"]
	if subject == zero || visitor == zero || subject == visitor {
		t.Error("the order carries no pseudonym of its contact and of its visitor")
	}
	for id, row := range rows {
		if id != "sdk-noconsent" && row["subject"] != subject {
			t.Errorf("%s is under another contact", id)
		}
	}
}

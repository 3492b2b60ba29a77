package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"zgoda/pseudonym/role"
)

func TestFlagsToConfig(t *testing.T) {
	f := flags{Socket: "/s", SocketGroup: "0", Bar: []string{"rights/desk-1"}, MintsPerSecond: 1, RewrapAt: "23:30", AnalyticsKeep: 7, AttachmentLimit: "3GiB"}
	cfg, err := f.config("/d")
	if err != nil || cfg.Group != 0 || len(cfg.Barred) != 1 || cfg.Barred[0] != (role.Caller{Role: role.Rights, Name: "desk-1"}) || cfg.Limits.MintsPerSecond != 1 {
		t.Errorf("%+v, %v", cfg, err)
	}
	if cfg.RewrapAt != 23*time.Hour+30*time.Minute || cfg.AnalyticsMonths != 7 {
		t.Errorf("re-wrap at %s, analytics kept for %d months", cfg.RewrapAt, cfg.AnalyticsMonths)
	}
	if cfg.Documents.Document != 3<<30 || cfg.Documents.Documents != 48<<30 {
		t.Errorf("documents of up to %d bytes, %d of a contact", cfg.Documents.Document, cfg.Documents.Documents)
	}
	byName := flags{SocketGroup: "root"}
	if cfg, err := byName.config(""); err != nil || cfg.Group != 0 {
		t.Errorf("group root is %d, %v", cfg.Group, err)
	}
	none := flags{}
	if cfg, err := none.config(""); err != nil || cfg.Group >= 0 {
		t.Errorf("no group is %d, %v", cfg.Group, err)
	}
	for _, bad := range []flags{
		{SocketGroup: "no such group"},
		{Bar: []string{"desk-1"}},
		{Bar: []string{"rights/"}},
		{Bar: []string{"root/a"}},
		{RewrapAt: "25:00"},
		{AttachmentLimit: "16"},
		{AttachmentLimit: "0MiB"},
		{AttachmentLimit: "-1GiB"},
		{AttachmentLimit: "262144TiB"},
		{Vault: "postgres://u:canary@h/d"},
		{Vault: "postgres://u@h/d?password=canary"},
		{Vault: "postgres://u@h/d", VaultPasswordFile: "/nowhere"},
	} {
		if _, err := bad.config(""); err == nil {
			t.Errorf("%+v passed", bad)
		}
	}
}

func TestVaultPassword(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte("hushed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := flags{Vault: "postgres://u@h/d", VaultPasswordFile: path}
	if cfg, err := f.config(""); err != nil || cfg.Vault != f.Vault || string(cfg.VaultPassword) != "hushed" {
		t.Errorf("%q, %v", cfg.Vault, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := f.config(""); err == nil {
		t.Error("a file that others can read was taken")
	}
}

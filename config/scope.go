package config

import (
	"encoding/json"
	"slices"
)

// Scope is what people are told about the purpose beside its text, by key: to
// change any of it is to change what they agreed to, and wants a new version.
// Lists are sorted. Keys that are left out have the value that they stand for.
func (p *PurposeConfig) Scope() map[string]string {
	access := accessNone
	if p.onDevice() {
		access = accessDevice
	}
	special := "false"
	if p.Special {
		special = "true"
	}
	return map[string]string{
		"kind": p.Kind, "basis": p.Basis, "retention": p.Retention, "terminal_access": access, "exemption": p.Exemption,
		"special": special, "data": list(p.Data), "recipients": list(p.Recipients), "storage_locations": list(p.StorageLocations),
		"dpv": p.DPV, "related_to": p.RelatedTo, "uses": list(p.Uses),
	}
}

// list writes a list so that its order does not matter and no two that differ
// write the same.
func list(names []string) string {
	sorted := slices.Sorted(slices.Values(names))
	if len(sorted) == 0 {
		return ""
	}
	b, _ := json.Marshal(sorted) // texts always can be
	return string(b)
}

// Said is the controller as people were told of it, by key.
func (c *Controller) Said() map[string]string {
	return map[string]string{
		"name": c.Name, "address": c.Address, "establishment": c.Establishment, "contact": c.Contact,
		"email": c.Email, "phone": c.Phone, "policy_url": c.PolicyURL,
	}
}

package access

import (
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/role"
)

// Why is why a call was refused. It is the label of a metric and stands in the
// log of calls.
type Why string

// The reasons of refusals.
const (
	WhyPeer        Why = "peer"        // the user at the other end may not use the socket
	WhyCertificate Why = "certificate" // not signed by our authority, or for no role
	WhyExpired     Why = "expired"     // a certificate that is not in force
	WhyHandshake   Why = "handshake"   // no certificate, or no TLS
	WhyRole        Why = "role"        // the act is another role's
	WhyReplay      Why = "replay"      // too old, or seen before
	WhyCall        Why = "call"        // does not say properly who acts and what for
	WhyOversized   Why = "oversized"
	WhyMalformed   Why = "malformed"
	WhyBusy        Why = "busy"     // too many calls at one time
	WhyQuota       Why = "quota"    // too much of it
	WhyApproval    Why = "approval" // no such approval, or by the same person
)

// act is what is asked for.
type act struct {
	name    string
	role    role.Role // None: every role may
	counted bool      // recorded in sums, not one by one
	bare    bool      // no person acts
	begun   bool      // recorded before it begins as well: it changes something, or answers in parts
	reason  bool      // a reason is asked for
	reveals bool      // shows identifiers and traits
}

var acts = map[string]act{
	keyholderpb.Pseudonymise_Keys_FullMethodName:    {name: "keys", role: role.Pseudonymise, counted: true},
	keyholderpb.Pseudonymise_Resolve_FullMethodName: {name: "resolve", role: role.Pseudonymise, counted: true},
	keyholderpb.Pseudonymise_Link_FullMethodName:    {name: "link", role: role.Pseudonymise, counted: true},
	keyholderpb.Pseudonymise_Open_FullMethodName:    {name: "open", role: role.Pseudonymise, counted: true},
	keyholderpb.Pseudonymise_Keep_FullMethodName:    {name: "keep", role: role.Pseudonymise, counted: true},
	keyholderpb.Pseudonymise_Renew_FullMethodName:   {name: "renew", bare: true},
	keyholderpb.Daily_Day_FullMethodName:            {name: "day", role: role.Pseudonymise, counted: true},

	keyholderpb.Rights_Find_FullMethodName:       {name: "find", role: role.Rights},
	keyholderpb.Rights_Search_FullMethodName:     {name: "search", role: role.Rights},
	keyholderpb.Rights_List_FullMethodName:       {name: "list", role: role.Rights},
	keyholderpb.Rights_Reveal_FullMethodName:     {name: "reveal", role: role.Rights, reason: true, reveals: true},
	keyholderpb.Rights_Approve_FullMethodName:    {name: "approve", role: role.Rights},
	keyholderpb.Rights_Waiting_FullMethodName:    {name: "waiting", role: role.Rights},
	keyholderpb.Rights_Put_FullMethodName:        {name: "put", role: role.Rights, begun: true},
	keyholderpb.Rights_Remove_FullMethodName:     {name: "remove", role: role.Rights, begun: true},
	keyholderpb.Rights_Merge_FullMethodName:      {name: "merge", role: role.Rights, begun: true, reason: true},
	keyholderpb.Rights_Forget_FullMethodName:     {name: "forget", role: role.Rights, begun: true, reason: true},
	keyholderpb.Rights_Attach_FullMethodName:     {name: "attach", role: role.Rights, begun: true},
	keyholderpb.Rights_Attachment_FullMethodName: {name: "attachment", role: role.Rights, begun: true, reason: true, reveals: true},

	keyholderpb.Cases_OpenCases_FullMethodName:       {name: "open_cases", role: role.Rights, begun: true},
	keyholderpb.Cases_CasePseudonyms_FullMethodName:  {name: "case_pseudonyms", role: role.Rights, begun: true},
	keyholderpb.Cases_CaseIdentifiers_FullMethodName: {name: "case_identifiers", role: role.Rights, begun: true, reason: true},
	keyholderpb.Cases_Destroy_FullMethodName:         {name: "destroy", role: role.Rights, begun: true, reason: true},
	keyholderpb.Cases_CloseCases_FullMethodName:      {name: "close_cases", role: role.Rights, begun: true},
	keyholderpb.Cases_ListCases_FullMethodName:       {name: "list_cases", role: role.Rights, begun: true},
	keyholderpb.Cases_Erasures_FullMethodName:        {name: "erasures", role: role.Rights, begun: true},
	keyholderpb.Cases_Replay_FullMethodName:          {name: "replay", role: role.Rights, begun: true, reason: true},
	keyholderpb.Cases_Idle_FullMethodName:            {name: "idle", role: role.Rights, begun: true},

	keyholderpb.Administer_Status_FullMethodName:     {name: "status", role: role.Administrator},
	keyholderpb.Administer_Rotate_FullMethodName:     {name: "rotate", role: role.Administrator, begun: true},
	keyholderpb.Administer_PurposeMap_FullMethodName: {name: "purpose_map", role: role.Administrator, begun: true},
	keyholderpb.Administer_Lease_FullMethodName:      {name: "lease", role: role.Administrator},
	keyholderpb.Administer_RotateDone_FullMethodName: {name: "rotate_done", role: role.Administrator, begun: true},
	keyholderpb.Administer_Issue_FullMethodName:      {name: "issue", role: role.Administrator, begun: true},
	keyholderpb.Administer_Backup_FullMethodName:     {name: "backup", role: role.Administrator, begun: true},
	keyholderpb.Administer_Calls_FullMethodName:      {name: "calls", role: role.Administrator, begun: true},

	keyholderpb.Health_Ready_FullMethodName: {name: "ready", counted: true},
}

package opendsr

import (
	"encoding/json"
	"fmt"
	"time"

	"zgoda/control"
)

// The statuses of the specification (8).
const (
	statusPending   = "pending"
	statusRunning   = "in_progress"
	statusCompleted = "completed"
	statusCancelled = "cancelled"
)

// statuses say as what each state is told. A refusal is told as cancelled, with its
// ground in our extension: the specification has no word for it.
var statuses = map[control.RequestState]string{
	control.RequestUnverified: statusPending,
	control.RequestInput:      statusPending,
	control.RequestPending:    statusPending,
	control.RequestApproved:   statusPending,
	control.RequestRunning:    statusRunning,
	control.RequestPaused:     statusRunning,
	control.RequestFailed:     statusRunning,
	control.RequestComplete:   statusCompleted,
	control.RequestDuplicate:  statusCompleted, // of one that is over and was taken away
	control.RequestCancelled:  statusCancelled,
	control.RequestDenied:     statusCancelled,
}

func statusOf(o *control.OpenDSR) string {
	if s, ok := statuses[o.State]; ok {
		return s
	}
	return o.Status
}

// asked is the body of a request (7.1). Members that are not known are passed over.
type asked struct {
	Regulation  string                     `json:"regulation"`
	ID          string                     `json:"subject_request_id"`
	Type        string                     `json:"subject_request_type"`
	Submitted   string                     `json:"submitted_time"`
	Identities  []identity                 `json:"subject_identities"`
	APIVersion  string                     `json:"api_version"`
	Callbacks   []string                   `json:"status_callback_urls"`
	Extensions  map[string]json.RawMessage `json:"extensions"`
	ourRight    control.Right
	ourPurposes []string
}

type identity struct {
	Type   string `json:"identity_type"`
	Value  string `json:"identity_value,omitempty"`
	Format string `json:"identity_format"`
}

// ours is what a request may say under our domain in its extensions.
type ours struct {
	Right       string   `json:"right"`
	Purposes    []string `json:"purposes"`
	Identifiers []string `json:"identifiers"` // KIND:VALUE
}

// The answers. Their members stand in the order of the specification's examples.
type discovery struct {
	APIVersion  string         `json:"api_version"`
	Identities  []identity     `json:"supported_identities"`
	Types       []string       `json:"supported_subject_request_types"`
	Certificate string         `json:"processor_certificate"`
	Extensions  map[string]any `json:"extensions"`
}

type taken struct {
	Controller string         `json:"controller_id"`
	Expected   time.Time      `json:"expected_completion_time"`
	Received   time.Time      `json:"received_time"`
	Encoded    string         `json:"encoded_request,omitempty"`
	ID         string         `json:"subject_request_id"`
	APIVersion string         `json:"api_version"`
	Extensions map[string]any `json:"extensions"`
}

type standing struct {
	Controller string         `json:"controller_id"`
	Expected   time.Time      `json:"expected_completion_time"`
	Callback   string         `json:"status_callback_url,omitempty"`
	ID         string         `json:"subject_request_id"`
	Status     string         `json:"request_status"`
	APIVersion string         `json:"api_version"`
	ResultsURL string         `json:"results_url,omitempty"`
	Count      *int           `json:"results_count,omitempty"`
	Extensions map[string]any `json:"extensions"`
}

type failure struct {
	Error failed `json:"error"`
}

type failed struct {
	Code    int      `json:"code"`
	Message string   `json:"message"`
	Errors  []detail `json:"errors"`
}

type detail struct {
	Domain  string `json:"domain"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// fault is what is wrong with a call, in words of ours.
type fault struct {
	code          int
	reason, words string
}

func (f *fault) Error() string { return f.reason + ": " + f.words }

func wrong(reason, words string) *fault { return &fault{400, reason, words} }

// withSignature appends the member processor_signature, which signs the body as it is
// without it.
func (k *Key) withSignature(body []byte) ([]byte, error) {
	signature, err := k.sign(body)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(body[:len(body)-1], `,"processor_signature":"%s"}`, signature), nil
}

package console

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
)

// Problem is an error answer (RFC 9457, application/problem+json). It names the
// field and never repeats what was sent.
type Problem struct {
	Title  string  `json:"title" doc:"the status in words"`
	Status int     `json:"status" doc:"the HTTP status"`
	Detail string  `json:"detail,omitempty" doc:"what was wrong"`
	Errors []Fault `json:"errors,omitempty" doc:"the fields that were wrong"`
}

// Fault is one wrong field of a request.
type Fault struct {
	Field  string `json:"field" doc:"where, for example body.identifier"`
	Reason string `json:"reason" doc:"what is expected there"`
}

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

const problemType = "application/problem+json"

// ContentType makes huma answer application/problem+json.
func (*Problem) ContentType(string) string { return problemType }

func problem(status int, detail string, faults ...Fault) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail, Errors: faults}
}

// wrong is the answer for a field that the handlers themselves refuse.
func wrong(field, reason string) *Problem {
	return problem(http.StatusUnprocessableEntity, "a field is wrong", Fault{field, reason})
}

// writeProblem answers before a request has reached an operation.
func writeProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problem(status, detail)) // the client has gone; nobody is left to tell
}

// sendProblem answers from inside an operation.
func sendProblem(ctx huma.Context, p *Problem) {
	ctx.SetHeader("Content-Type", problemType)
	ctx.SetStatus(p.Status)
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(p) // as above
}

// huma keeps its maker of errors in a variable of the package, and its own one
// repeats the refused value. Console is the only importer of huma.
var replaceErrors = sync.OnceFunc(func() {
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return fromHuma(status, msg, errs)
	}
	huma.NewErrorWithContext = func(_ huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return fromHuma(status, msg, errs)
	}
})

func fromHuma(status int, msg string, errs []error) *Problem {
	p := problem(status, safeDetail(status, msg))
	for _, err := range errs {
		if d, ok := err.(huma.ErrorDetailer); ok {
			p.Errors = append(p.Errors, safeFault(d.ErrorDetail()))
		}
	}
	return p
}

// safeDetails are the only words of huma's that are passed on.
var safeDetails = map[string]bool{
	"request body is required": true,
	"validation failed":        true,
}

func safeDetail(status int, msg string) string {
	switch {
	case safeDetails[msg]:
		return msg
	case status == http.StatusRequestEntityTooLarge:
		return "the body is too large"
	case status == http.StatusUnsupportedMediaType:
		return "the content type must be application/json"
	case status < http.StatusInternalServerError:
		return "the request cannot be read"
	default:
		return "the request could not be done"
	}
}

// safeReasons are the beginnings of huma's findings that speak of the schema
// alone; any other finding could quote what was sent.
var safeReasons = []string{
	"expected required property ",
	"expected length ",
	"expected value to be one of ",
	"expected string to match pattern ",
	"expected number ",
	"required ",
}

func safeFault(d *huma.ErrorDetail) Fault {
	field := d.Location
	if d.Message == validation.MsgUnexpectedProperty {
		// The last part is a name that the client made up.
		field, _, _ = strings.Cut(field, ".")
		return Fault{field, "has a property that is not known"}
	}
	switch d.Message {
	case validation.MsgExpectedString, validation.MsgExpectedBoolean, validation.MsgExpectedObject,
		validation.MsgExpectedArray, validation.MsgExpectedNumber, validation.MsgExpectedInteger:
		return Fault{field, d.Message}
	}
	for _, begin := range safeReasons {
		if strings.HasPrefix(d.Message, begin) {
			return Fault{field, d.Message}
		}
	}
	return Fault{field, "cannot be read"}
}

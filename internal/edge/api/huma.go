package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/danielgtaylor/huma/v2/validation"

	"yunshi/client"
	"yunshi/internal/base/fault"
	"yunshi/internal/edge/serve"
)

// row is one operation of the API with who may call it.
type row struct {
	id      string // stable name, in the document and the client
	pattern string // "POST /orders/{id}/pay", below the root
	access  serve.Access
	summary string
	keyed   bool // needs an idempotency key
	archive bool // stays open after the end of the service
	status  int
	plug    func(b *builder, op huma.Operation)
}

// op is a row whose input I and answer O are read, checked and written by huma.
func op[I, O any](id, pattern string, access serve.Access, summary string, do func(c *serve.Call, in *I) (O, error)) row {
	r := row{id: id, pattern: pattern, access: access, summary: summary, status: http.StatusOK}
	r.plug = func(b *builder, op huma.Operation) {
		type answer struct{ Body O }
		huma.Register(b.api, op, func(ctx context.Context, in *I) (*answer, error) {
			x := ctx.Value(exchangeKey{}).(*exchange)
			out, err := do(x.call, in)
			x.err = err
			return &answer{out}, nil
		})
	}
	return r
}

// file is a row whose handler writes its own answer of the media type.
func file(id, pattern string, access serve.Access, summary, mediaType string, handle serve.Handler) row {
	r := row{id: id, pattern: pattern, access: access, summary: summary, status: http.StatusOK}
	r.plug = func(b *builder, op huma.Operation) {
		op.Responses["200"] = &huma.Response{Description: http.StatusText(http.StatusOK), Content: map[string]*huma.MediaType{mediaType: {}}}
		for _, name := range pathNames(op.Path) {
			op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
		}
		b.api.OpenAPI().AddOperation(&op)
		b.mount(op.Method+" "+op.Path, handle)
	}
	return r
}

func pathNames(path string) (names []string) {
	for part := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(part, "{") {
			names = append(names, strings.Trim(part, "{}"))
		}
	}
	return names
}

// with changes a row in passing.
func (r row) with(status int) row { r.status = status; return r }

func (r row) needsKey() row { r.keyed = true; return r }

// stays keeps the operation open after the end of the service.
func (r row) stays() row { r.archive = true; return r }

// builder turns rows into routes and into the document.
type builder struct {
	api     huma.API
	routes  []serve.Route
	current row
}

// Handle and ServeHTTP make a builder the adapter of huma: huma hands over each
// operation, and serve keeps the only mux.
func (b *builder) Handle(op *huma.Operation, handler func(huma.Context)) {
	b.mount(op.Method+" "+op.Path, func(c *serve.Call) error {
		x := &exchange{humaContext: humago.NewContext(op, c.R, c.W), call: c}
		handler(x)
		return x.err
	})
}

// ServeHTTP is never called: serve has the mux.
func (b *builder) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

func (b *builder) mount(pattern string, handle serve.Handler) {
	r := b.current
	b.routes = append(b.routes, serve.Route{Pattern: pattern, Access: r.access, Archive: r.archive, Handle: func(c *serve.Call) error {
		if err := allowed(c, r); err != nil {
			return err
		}
		if r.keyed && c.Key() == "" {
			return serve.ErrKeyRequired
		}
		return handle(c)
	}})
}

func build(rows []row) *builder {
	config := huma.DefaultConfig("Yunshi market", version)
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil
	config.Transformers = []huma.Transformer{refused}
	config.Info.Description = description
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key": {Type: "http", Scheme: "bearer", Description: "Secret of an API key."},
	}
	b := &builder{}
	b.api = huma.NewAPI(config, b)
	schemas := config.Components.Schemas
	problem := &huma.Response{
		Description: "Refused",
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: schemas.Schema(reflect.TypeFor[client.Problem](), true, "")}},
	}
	for _, r := range rows {
		b.current = r
		method, path, _ := strings.Cut(r.pattern, " ")
		o := huma.Operation{
			OperationID: r.id, Method: method, Path: root + path, Summary: r.summary, DefaultStatus: r.status,
			Tags:       []string{strings.SplitN(strings.TrimPrefix(path, "/"), "/", 2)[0]},
			Responses:  map[string]*huma.Response{"default": problem},
			Extensions: map[string]any{"x-access": r.access.String()},
		}
		if r.access.String() != serve.Public.String() {
			o.Security = []map[string][]string{{"key": {}}}
		}
		if method == http.MethodPost || method == http.MethodPut {
			o.Parameters = append(o.Parameters, &huma.Param{
				Name: "Idempotency-Key", In: "header", Required: r.keyed, Schema: &huma.Schema{Type: huma.TypeString},
				Description: "Names the intent: the same key gets the first answer again.",
			})
		}
		r.plug(b, o)
	}
	// The default error model of huma repeats refused values; nothing here answers with it.
	delete(schemas.Map(), "ErrorModel")
	delete(schemas.Map(), "ErrorDetail")
	return b
}

type exchangeKey struct{}

// humaContext has another name than the method it brings.
type humaContext = huma.Context

// exchange is one request on its way through huma. Once it is refused nothing is
// written: the error goes back to serve, which answers all errors.
type exchange struct {
	humaContext
	call *serve.Call
	err  error
}

func (x *exchange) Context() context.Context {
	return context.WithValue(x.call.R.Context(), exchangeKey{}, x)
}

func (x *exchange) SetStatus(code int) {
	if x.err == nil {
		x.humaContext.SetStatus(code)
	}
}

// BodyReader hides Close: a body that is closed half read leaves its rest in the
// connection, where the server would take it for the next request.
func (x *exchange) BodyReader() io.Reader { return struct{ io.Reader }{x.call.R.Body} }

func (x *exchange) BodyWriter() io.Writer {
	if x.err != nil {
		return io.Discard
	}
	return x.humaContext.BodyWriter()
}

// refused catches what huma itself refuses, before it is written: its model
// repeats the refused value, which may be an identity number.
func refused(ctx huma.Context, _ string, v any) (any, error) {
	if model, ok := v.(*huma.ErrorModel); ok {
		ctx.(*exchange).err = faultsOf(model)
		return nil, nil
	}
	return v, nil
}

// faultsOf says with the market's own words what is wrong with a request.
func faultsOf(m *huma.ErrorModel) error {
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		return serve.ErrTooLarge
	case http.StatusUnprocessableEntity:
	case http.StatusInternalServerError:
		return errors.New("api: " + m.Detail)
	default:
		return serve.ErrBadRequest
	}
	var faults fault.List
	for _, d := range m.Errors {
		in, at, _ := strings.Cut(d.Location, ".")
		f := errInvalid
		var missing string
		// huma names a missing property only in its message, whose form it exports.
		if _, err := fmt.Sscanf(d.Message, validation.MsgExpectedRequiredProperty, &missing); err == nil {
			f, at = errRequired, strings.TrimPrefix(at+"."+missing, ".")
		}
		if at == "" {
			at = in
		}
		if !slices.ContainsFunc(faults, func(known *fault.Fault) bool { return known.Field == at }) {
			faults = append(faults, f.In(at))
		}
	}
	if len(faults) == 0 {
		return serve.ErrBadRequest
	}
	return faults
}

// document is the API in OpenAPI 3.1, the same for every installation.
func (b *builder) document() ([]byte, error) {
	text, err := json.MarshalIndent(b.api.OpenAPI(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("api: document: %w", err)
	}
	return append(text, '\n'), nil
}

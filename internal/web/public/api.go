package public

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"igledger/internal/web/ui"
)

// apiDocument is what of the OpenAPI document is shown for reading.
type apiDocument struct {
	Title, Text string
	Groups      []apiGroup
	Schemas     []apiSchema
}

// apiGroup is the operations of one tag.
type apiGroup struct {
	Name       string
	Operations []apiOperation
}

type apiOperation struct {
	ID, Method, Path, Summary string
	Text                      []string // paragraphs
	Parameters                []apiField
	Body, Answer              apiRef
	Token                     bool
	Problems                  []apiProblems
}

// apiProblems are the problems of one status.
type apiProblems struct {
	Status string
	List   []string
}

type apiField struct {
	Name, Type, Text string
	Required         bool
	Ref              apiRef
}

// apiRef names a schema, or a media type.
type apiRef struct{ Name, Href string }

type apiSchema struct {
	Name, Text string
	Fields     []apiField
}

// The parts of OpenAPI 3.1 that the document uses.
type (
	openAPI struct {
		Info struct {
			Title       string `json:"title"`
			Description string `json:"description"`
		} `json:"info"`
		Paths      map[string]map[string]openOperation `json:"paths"`
		Components struct {
			Schemas map[string]openSchema `json:"schemas"`
		} `json:"components"`
	}
	openOperation struct {
		ID          string   `json:"operationId"`
		Summary     string   `json:"summary"`
		Description string   `json:"description"`
		Tags        []string `json:"tags"`
		Parameters  []struct {
			Name        string     `json:"name"`
			In          string     `json:"in"`
			Description string     `json:"description"`
			Required    bool       `json:"required"`
			Schema      openSchema `json:"schema"`
		} `json:"parameters"`
		RequestBody struct {
			Content map[string]openMedia `json:"content"`
		} `json:"requestBody"`
		Responses map[string]struct {
			Description string               `json:"description"`
			Content     map[string]openMedia `json:"content"`
		} `json:"responses"`
		Security []json.RawMessage `json:"security"`
	}
	openMedia struct {
		Schema openSchema `json:"schema"`
	}
	openSchema struct {
		Ref         string                `json:"$ref"`
		Type        any                   `json:"type"`
		Format      string                `json:"format"`
		Description string                `json:"description"`
		Items       *openSchema           `json:"items"`
		Properties  map[string]openSchema `json:"properties"`
		Required    []string              `json:"required"`
		Enum        []any                 `json:"enum"`
	}
)

// readAPI reads the document of the API. An empty one has nothing to show.
func readAPI(document []byte) (*apiDocument, error) {
	if len(document) == 0 {
		return nil, nil
	}
	var in openAPI
	if err := json.Unmarshal(document, &in); err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	out := &apiDocument{Title: in.Info.Title, Text: in.Info.Description}
	groups := map[string][]apiOperation{}
	for path, methods := range in.Paths {
		for method, op := range methods {
			tag := append(op.Tags, "")[0]
			groups[tag] = append(groups[tag], op.shown(strings.ToUpper(method), path))
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(groups)) {
		slices.SortFunc(groups[tag], func(a, b apiOperation) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
		})
		out.Groups = append(out.Groups, apiGroup{tag, groups[tag]})
	}
	for _, name := range slices.Sorted(maps.Keys(in.Components.Schemas)) {
		s := in.Components.Schemas[name]
		out.Schemas = append(out.Schemas, apiSchema{name, s.Description, s.fields()})
	}
	return out, nil
}

func (op openOperation) shown(method, path string) apiOperation {
	out := apiOperation{
		ID: op.ID, Method: method, Path: path, Summary: op.Summary, Text: paragraphs(op.Description), Token: len(op.Security) > 0,
	}
	for _, p := range op.Parameters {
		out.Parameters = append(out.Parameters, apiField{Name: p.Name, Type: p.In + ", " + p.Schema.kind(), Text: p.Description, Required: p.Required})
	}
	out.Body = ref(op.RequestBody.Content)
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := op.Responses[status]
		if strings.HasPrefix(status, "2") {
			out.Answer = ref(r.Content)
			continue
		}
		p := apiProblems{Status: status}
		for line := range strings.Lines(r.Description) {
			if item, ok := strings.CutPrefix(strings.TrimSpace(line), "- "); ok {
				p.List = append(p.List, strings.ReplaceAll(item, "`", ""))
			}
		}
		out.Problems = append(out.Problems, p)
	}
	return out
}

func paragraphs(text string) (list []string) {
	for part := range strings.SplitSeq(text, "\n\n") {
		if part = strings.TrimSpace(strings.ReplaceAll(part, "`", "")); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// ref returns what a body is: a schema of the document, else its media type.
func ref(content map[string]openMedia) apiRef {
	if len(content) == 0 {
		return apiRef{}
	}
	media := slices.Min(slices.Collect(maps.Keys(content)))
	if r := content[media].Schema.ref(); r.Name != "" {
		return r
	}
	return apiRef{Name: media}
}

func (s openSchema) ref() apiRef {
	name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/")
	if !ok {
		return apiRef{}
	}
	return apiRef{name, "#schema-" + name}
}

// kind returns the type of a schema as a reader writes it.
func (s openSchema) kind() string {
	var list []string
	switch t := s.Type.(type) {
	case string:
		list = append(list, t)
	case []any:
		for _, x := range t {
			if x != "null" {
				list = append(list, fmt.Sprint(x))
			}
		}
	}
	said := strings.Join(list, " or ")
	if said == "array" && s.Items != nil {
		if r := s.Items.ref(); r.Name != "" {
			return "list of " + r.Name
		}
		return "list of " + s.Items.kind()
	}
	if r := s.ref(); r.Name != "" {
		return r.Name
	}
	if len(s.Enum) > 0 {
		return strings.Trim(strings.ReplaceAll(fmt.Sprint(s.Enum...), "  ", " "), "[]")
	}
	return said
}

func (s openSchema) fields() (list []apiField) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		r := p.ref()
		if p.Items != nil && r.Name == "" {
			r = p.Items.ref()
		}
		list = append(list, apiField{Name: name, Type: p.kind(), Text: p.Description, Required: slices.Contains(s.Required, name), Ref: r})
	}
	return list
}

func (p *room) showAPI(w http.ResponseWriter, r *http.Request) {
	if p.api == nil {
		p.Site.Problem(w, r, http.StatusNotFound, "not-found")
		return
	}
	_ = p.pages.Render(w, r, http.StatusOK, "api", ui.Page{
		Title: p.pages.Words(r).Text("api.title"), Section: "api", Data: p.api,
	})
}

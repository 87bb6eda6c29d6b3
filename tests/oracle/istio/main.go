// Command istio answers, without a cluster, what Istio's validating webhook would say to the objects it is given.
//
// In come YAML files; out comes one line for each error or warning. The webhook's rules are Go code that no schema
// carries (an empty source, a bad port, a path template, the limits of CUSTOM), so this links that code. Kinds that are
// not Istio's are passed over: the crd oracle beside this one looks at them.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"
	telemetry "istio.io/api/telemetry/v1alpha1"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/validation"
	"istio.io/istio/pkg/util/protomarshal"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"google.golang.org/protobuf/proto"
)

// rule is one kind: its message and what the webhook does with it.
type rule struct {
	spec     func() proto.Message
	validate validation.ValidateFunc
}

var rules = map[string]rule{
	"security.istio.io/AuthorizationPolicy":   {func() proto.Message { return &security.AuthorizationPolicy{} }, validation.ValidateAuthorizationPolicy},
	"security.istio.io/PeerAuthentication":    {func() proto.Message { return &security.PeerAuthentication{} }, validation.ValidatePeerAuthentication},
	"security.istio.io/RequestAuthentication": {func() proto.Message { return &security.RequestAuthentication{} }, validation.ValidateRequestAuthentication},
	"telemetry.istio.io/Telemetry":            {func() proto.Message { return &telemetry.Telemetry{} }, validation.ValidateTelemetry},
	"networking.istio.io/Sidecar":             {func() proto.Message { return &networking.Sidecar{} }, validation.ValidateSidecar},
	"networking.istio.io/ServiceEntry":        {func() proto.Message { return &networking.ServiceEntry{} }, validation.ValidateServiceEntry},
	"networking.istio.io/VirtualService":      {func() proto.Message { return &networking.VirtualService{} }, validation.ValidateVirtualService},
	"networking.istio.io/DestinationRule":     {func() proto.Message { return &networking.DestinationRule{} }, validation.ValidateDestinationRule},
	"networking.istio.io/Gateway":             {func() proto.Message { return &networking.Gateway{} }, validation.ValidateGateway},
	"networking.istio.io/WorkloadEntry":       {func() proto.Message { return &networking.WorkloadEntry{} }, validation.ValidateWorkloadEntry},
	"networking.istio.io/WorkloadGroup":       {func() proto.Message { return &networking.WorkloadGroup{} }, validation.ValidateWorkloadGroup},
}

// object is the part of a manifest the webhook reads.
type object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec json.RawMessage `json:"spec"`
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run checks every YAML file below the given paths: 0 if Istio would take them all, 1 if not, 2 if it could not look.
func run(paths []string, out, errOut io.Writer) int {
	if len(paths) == 0 {
		fmt.Fprintln(errOut, "usage: istio PATH...")
		return 2
	}
	passed, failed := 0, 0
	for _, path := range paths {
		documents, err := readTree(path)
		if err != nil {
			fmt.Fprintln(errOut, err)
			return 2
		}
		for _, d := range documents {
			warnings, problems, ours := check(d.text)
			if !ours {
				continue
			}
			for _, warning := range warnings {
				fmt.Fprintf(out, "%s: %s: warning: %s\n", d.path, subject(d.text), oneLine(warning))
			}
			for _, problem := range problems {
				fmt.Fprintf(out, "%s: %s: %s\n", d.path, subject(d.text), oneLine(problem))
			}
			if len(problems) > 0 {
				failed++
			} else {
				passed++
			}
		}
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", passed, failed)
	if failed > 0 || passed == 0 {
		return 1
	}
	return 0
}

// check validates one document; ours is false when Istio has no say over its kind.
func check(text []byte) (warnings, problems []string, ours bool) {
	var o object
	if err := yaml.Unmarshal(text, &o); err != nil {
		return nil, []string{err.Error()}, true
	}
	gv, err := schema.ParseGroupVersion(o.APIVersion)
	if err != nil {
		return nil, []string{err.Error()}, true
	}
	if !strings.HasSuffix(gv.Group, ".istio.io") && gv.Group != "istio.io" {
		return nil, nil, false
	}
	rule, found := rules[gv.Group+"/"+o.Kind]
	if !found {
		return nil, []string{fmt.Sprintf("kind: no rule here for %s of %s", o.Kind, gv)}, true
	}
	spec := rule.spec()
	if len(o.Spec) > 0 {
		if err := protomarshal.ApplyJSONStrict(string(o.Spec), spec); err != nil {
			return nil, []string{"spec: " + err.Error()}, true
		}
	}
	warning, err := rule.validate(config.Config{
		Meta: config.Meta{
			GroupVersionKind: config.GroupVersionKind{Group: gv.Group, Version: gv.Version, Kind: o.Kind},
			Name:             o.Metadata.Name,
			Namespace:        o.Metadata.Namespace,
			Labels:           o.Metadata.Labels,
			Annotations:      o.Metadata.Annotations,
		},
		Spec: spec,
	})
	if warning != nil {
		warnings = append(warnings, warning.Error())
	}
	if err != nil {
		problems = append(problems, err.Error())
	}
	return warnings, problems, true
}

func subject(text []byte) string {
	var o object
	// A document that does not even parse still gets its line.
	_ = yaml.Unmarshal(text, &o)
	return fmt.Sprintf("%s %s/%s", o.Kind, o.Metadata.Namespace, o.Metadata.Name)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

type document struct {
	path string
	text []byte
}

// readTree splits every YAML file at or below path, as kubectl does; an output tree is read only below its clusters.
func readTree(path string) ([]document, error) {
	if info, err := os.Stat(filepath.Join(path, "clusters")); err == nil && info.IsDir() {
		path = filepath.Join(path, "clusters")
	}
	var documents []document
	err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != path && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		extension := filepath.Ext(name)
		if entry.IsDir() || name != path && extension != ".yaml" && extension != ".yml" {
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
		for {
			text, err := reader.Read()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			documents = append(documents, document{name, text})
		}
	})
	return documents, err
}

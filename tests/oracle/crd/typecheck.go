package main

import (
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/cel/openapi/resolver"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// typeCheck reports what the server would write into the status of a policy: expressions that do not fit the kinds the
// policy matches. The server lets such a policy in and it then fails on every request, so here it is an error.
//
// Only custom kinds are checked against: the schemas of the built-in ones are generated code of a size not worth linking.
func (k *kinds) typeCheck(policy *admissionv1.ValidatingAdmissionPolicy) []string {
	checker := validating.TypeChecker{SchemaResolver: customSchemas{k}, RestMapper: k.mapper}
	var problems []string
	for _, warning := range checker.Check(policy) {
		problems = append(problems, warning.FieldRef+": "+warning.Warning)
	}
	return problems
}

// customSchemas resolves the schemas of custom kinds as the server publishes them: with the metadata every object has.
type customSchemas struct{ kinds *kinds }

func (s customSchemas) ResolveSchema(gvk schema.GroupVersionKind) (*spec.Schema, error) {
	kind, found := s.kinds.custom[gvk]
	if !found {
		return nil, fmt.Errorf("%v: %w", gvk, resolver.ErrSchemaNotFound)
	}
	published := *kind.schema
	published.Properties = map[string]spec.Schema{}
	for name, property := range kind.schema.Properties {
		published.Properties[name] = property
	}
	published.Properties["apiVersion"] = *spec.StringProperty()
	published.Properties["kind"] = *spec.StringProperty()
	published.Properties["metadata"] = objectMeta()
	return &published, nil
}

func objectMeta() spec.Schema {
	var s spec.Schema
	s.Type = spec.StringOrArray{"object"}
	s.Properties = map[string]spec.Schema{}
	for _, name := range []string{"name", "generateName", "namespace", "selfLink", "uid", "resourceVersion"} {
		s.Properties[name] = *spec.StringProperty()
	}
	for _, name := range []string{"creationTimestamp", "deletionTimestamp"} {
		s.Properties[name] = *spec.DateTimeProperty()
	}
	for _, name := range []string{"generation", "deletionGracePeriodSeconds"} {
		s.Properties[name] = *spec.Int64Property()
	}
	for _, name := range []string{"labels", "annotations"} {
		s.Properties[name] = *spec.MapProperty(spec.StringProperty())
	}
	s.Properties["finalizers"] = *spec.ArrayProperty(spec.StringProperty())
	return s
}

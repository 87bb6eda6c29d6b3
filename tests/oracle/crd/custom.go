package main

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// customKind is one served version of a CustomResourceDefinition.
type customKind struct {
	gvk        schema.GroupVersionKind
	namespaced bool
	structural *structuralschema.Structural
	schema     *spec.Schema
	validator  validation.SchemaValidator
	// rules compiles the kind's CEL rules on first use: the large kinds take long and are rarely met.
	rules func() *cel.Validator
}

func newCustomKind(gvk schema.GroupVersionKind, namespaced bool, definition *apiextensions.CustomResourceValidation) (*customKind, error) {
	structural, err := structuralschema.NewStructural(definition.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	if errs := structuralschema.ValidateStructural(nil, structural); len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	if err := defaulting.PruneDefaults(structural); err != nil {
		return nil, err
	}
	validator, openAPI, err := validation.NewSchemaValidator(definition.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	return &customKind{
		gvk:        gvk,
		namespaced: namespaced,
		structural: structural,
		schema:     openAPI,
		validator:  validator,
		rules: sync.OnceValue(func() *cel.Validator {
			return cel.NewValidator(structural, true, celconfig.PerCallLimit)
		}),
	}, nil
}

// check follows the server's order for a creation: default, refuse what pruning would drop, schema, list types, CEL.
func (k *customKind) check(d document) []string {
	object := runtime.DeepCopyJSON(d.object)
	defaulting.Default(object, k.structural)
	unknown, err := k.prune(object)
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	for _, path := range unknown {
		problems = append(problems, fmt.Sprintf("%s: Unknown field", path))
	}
	for _, e := range k.validate(object) {
		problems = append(problems, e.Error())
	}
	return problems
}

func (k *customKind) prune(object map[string]any) ([]string, error) {
	u := unstructured.Unstructured{Object: object}
	apiVersion, kind := u.GetAPIVersion(), u.GetKind()
	metadata, found, unknown, err := objectmeta.GetObjectMetaWithOptions(object, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		return nil, err
	}
	unknown = append(unknown, pruning.PruneWithOptions(object, k.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})...)
	defaulting.PruneNonNullableNullsWithoutDefaults(object, k.structural)
	fieldError, paths := objectmeta.CoerceWithOptions(nil, object, k.structural, false, objectmeta.CoerceOptions{ReturnUnknownFieldPaths: true})
	if fieldError != nil {
		return nil, fieldError
	}
	unknown = append(unknown, paths...)
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	if found {
		err = objectmeta.SetObjectMeta(object, metadata)
	}
	return unknown, err
}

func (k *customKind) validate(object map[string]any) field.ErrorList {
	u := &unstructured.Unstructured{Object: object}
	errs := apivalidation.ValidateObjectMetaAccessor(u, k.namespaced, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	errs = append(errs, validation.ValidateCustomResource(nil, object, k.validator)...)
	ctx := context.Background()
	errs = append(errs, objectmeta.Validate(ctx, nil, object, k.structural, false)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, k.structural, object)...)
	for _, e := range errs {
		switch e.Type {
		// The server runs no rule over an object whose shape is wrong.
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return errs
		}
	}
	if rules := k.rules(); rules != nil {
		broken, _ := rules.Validate(ctx, nil, k.structural, object, nil, celconfig.RuntimeCELCostBudget)
		errs = append(errs, broken...)
	}
	return errs
}

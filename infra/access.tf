# What the function may do: an agency for FunctionGraph with two roles, and nothing beside them.

resource "huaweicloud_identity_role" "buckets" {
  name        = "${var.name}-buckets"
  description = "Nightdrop: read what is dropped, write results, log and checkpoints"
  type        = "AX"
  policy      = module.shape.bucket_policy
}

resource "huaweicloud_identity_role" "project" {
  name        = "${var.name}-project"
  description = "Nightdrop: create and follow batch jobs, tell of events that were given up"
  type        = "XA"
  policy      = module.shape.project_policy
}

resource "huaweicloud_identity_agency" "nightdrop" {
  name                   = var.name
  description            = "What the function ${var.name} may do"
  delegated_service_name = "op_svc_cff"
  domain_roles           = [huaweicloud_identity_role.buckets.name]

  project_role {
    project = var.project_name == "" ? var.region : var.project_name
    roles   = [huaweicloud_identity_role.project.name]
  }
}

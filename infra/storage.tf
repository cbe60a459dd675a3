# Four buckets, all private and encrypted: dropped files, results, the log, checkpoints.

resource "huaweicloud_obs_bucket" "drop" {
  bucket        = module.shape.buckets.drop
  acl           = "private"
  versioning    = true
  encryption    = true
  sse_algorithm = "AES256"
  tags          = var.tags

  # The reconciler lists this bucket: the fewer objects, the sooner it finds files without an event.
  lifecycle_rule {
    name    = "dropped"
    enabled = true
    prefix  = var.drop_prefix

    expiration {
      days = var.spec_days
    }

    noncurrent_version_expiration {
      days = var.spec_days
    }
  }
}

resource "huaweicloud_obs_bucket" "results" {
  count = var.results_bucket == "" ? 1 : 0

  bucket        = module.shape.buckets.results
  acl           = "private"
  encryption    = true
  sse_algorithm = "AES256"
  tags          = var.tags

  lifecycle_rule {
    name    = "results"
    enabled = true
    prefix  = var.results_prefix

    expiration {
      days = var.spec_days
    }
  }
}

# The outbox in it is emptied when jobs are settled; versions would keep what was deleted. Nothing in
# it expires: a rollout plans its next jobs from there, however long it was paused.
resource "huaweicloud_obs_bucket" "log" {
  bucket        = module.shape.buckets.log
  acl           = "private"
  versioning    = false
  encryption    = true
  sse_algorithm = "AES256"
  tags          = var.tags

  lifecycle {
    prevent_destroy = true
  }
}

# To be locked with nightdrop audit lock, which needs versions; the provider has no resource for it.
resource "huaweicloud_obs_bucket" "checkpoints" {
  bucket        = module.shape.buckets.checkpoints
  acl           = "private"
  versioning    = true
  encryption    = true
  sse_algorithm = "AES256"
  tags          = var.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "huaweicloud_obs_bucket_bpa" "private" {
  for_each = merge(
    {
      drop        = huaweicloud_obs_bucket.drop.id
      log         = huaweicloud_obs_bucket.log.id
      checkpoints = huaweicloud_obs_bucket.checkpoints.id
    },
    { for bucket in huaweicloud_obs_bucket.results : "results" => bucket.id },
  )

  bucket                  = each.value
  block_public_acls       = true
  ignore_public_acls      = true
  block_public_policy     = true
  restrict_public_buckets = true
}

# Who may ask for what. It is beside the log, where neither specs nor results are written.
resource "huaweicloud_obs_bucket_object" "policy" {
  count = var.policy == "" ? 0 : 1

  bucket       = huaweicloud_obs_bucket.log.bucket
  key          = module.shape.policy_key
  content      = var.policy
  content_type = "application/yaml"
}

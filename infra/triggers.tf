# What fires: timers, the reconciler's tick, and files dropped into a bucket.

resource "huaweicloud_fgs_function_trigger" "timer" {
  for_each = module.shape.timers

  function_urn = huaweicloud_fgs_function.nightdrop.urn
  type         = "TIMER"
  status       = each.value.enabled ? "ACTIVE" : "DISABLED"
  event_data   = each.value.event_data

  # No event may come before what is to become of a failed one is settled.
  depends_on = [huaweicloud_fgs_async_invoke_configuration.nightdrop]
}

resource "huaweicloud_fgs_function_trigger" "drop" {
  count = var.eventgrid == null ? 1 : 0

  function_urn = huaweicloud_fgs_function.nightdrop.urn
  type         = module.shape.drop_trigger.type
  event_data   = module.shape.drop_trigger.event_data

  depends_on = [huaweicloud_obs_bucket.drop, huaweicloud_fgs_async_invoke_configuration.nightdrop]
}

resource "huaweicloud_fgs_function_trigger" "drop_eventgrid" {
  count = var.eventgrid == null ? 0 : 1

  function_urn                   = huaweicloud_fgs_function.nightdrop.urn
  type                           = module.shape.drop_trigger.type
  status                         = "ACTIVE"
  event_data                     = module.shape.drop_trigger.event_data
  cascade_delete_eg_subscription = true

  depends_on = [huaweicloud_obs_bucket.drop, huaweicloud_fgs_async_invoke_configuration.nightdrop]

  lifecycle {
    ignore_changes = [event_data] # the platform returns parts of it only
  }
}

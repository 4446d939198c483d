<?php // Run by php-cli in WordPress's folder: does one thing that the REST API does not offer.
$_SERVER['HTTP_HOST'] = '127.0.0.1:' . getenv('HUB_WP_PORT');
$_SERVER['REQUEST_URI'] = '/';
require getcwd() . '/wp-load.php';
[, $what, $first, $second] = $argv + [null, null, null, null];
switch ($what) {
    case 'option':
        update_option($first, $second);
        break;
    case 'cron': // what a visit does: scheduled posts that are due are published
        foreach (_get_cron_array() as $time => $hooks) {
            foreach ($time <= time() ? $hooks : [] as $hook => $calls) {
                foreach ($calls as $call) {
                    wp_unschedule_event($time, $hook, $call['args']);
                    do_action_ref_array($hook, $call['args']);
                }
            }
        }
        break;
    case 'date': // let a comment bear another time
        wp_update_comment(['comment_ID' => (int) $first, 'comment_date_gmt' => $second,
                           'comment_date' => get_date_from_gmt($second)]);
        break;
}

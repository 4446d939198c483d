<?php // A must-use plugin: people of the story may comment as fast as they like, unless a test wants them to wait.
add_filter('wp_is_comment_flood', fn ($flood) => get_option('hub_flood') === 'on' ? $flood : false, 99);
add_filter('pre_wp_mail', '__return_true');

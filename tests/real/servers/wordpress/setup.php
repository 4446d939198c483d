<?php // Run by php-cli in WordPress's folder: installs the site, makes users with application passwords, prints JSON.
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = '127.0.0.1:' . getenv('HUB_WP_PORT');
$_SERVER['REQUEST_URI'] = '/';
require getcwd() . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('Hub test', 'admin', 'admin@example.test', true, '', 'admin-pass');
update_option('permalink_structure', '/%year%/%monthnum%/%postname%/');
update_option('comment_previously_approved', 0);
update_option('timezone_string', 'Europe/Moscow');
foreach (['comments_notify', 'moderation_notify'] as $option) {
    update_option($option, 0);
}
$made = [];
foreach (['admin' => 'administrator', 'us' => 'editor', 'writer' => 'author',
          'ann' => 'subscriber', 'ben' => 'subscriber', 'cid' => 'subscriber'] as $name => $role) {
    $id = username_exists($name) ?: wp_insert_user([
        'user_login' => $name, 'user_pass' => "$name-pass", 'user_email' => "$name@example.test", 'role' => $role,
    ]);
    [$password] = WP_Application_Passwords::create_new_application_password($id, ['name' => 'hub']);
    $made[$name] = ['id' => $id, 'password' => WP_Application_Passwords::chunk_password($password)];
}
flush_rewrite_rules();
echo json_encode($made), "\n";

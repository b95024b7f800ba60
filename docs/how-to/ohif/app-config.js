// Configuration of OHIF for Cauce behind the same address: replaces app-config.js among the viewer's files.
const cauce = `${window.location.origin}/dicom-web`; // of another project: /projects/<slug>/dicom-web
window.config = {
  routerBasename: '/ohif',
  extensions: [],
  modes: [],
  showStudyList: true,
  defaultDataSourceName: 'cauce',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'cauce',
      configuration: {
        friendlyName: 'Cauce',
        qidoRoot: cauce,
        wadoRoot: cauce,
        wadoUriRoot: `${cauce}/wado`,
        imageRendering: 'wadors',
        thumbnailRendering: 'wadors',
        qidoSupportsIncludeField: true,
        supportsFuzzyMatching: true,
        supportsWildcard: true,
        enableStudyLazyLoad: true,
        bulkDataURI: { enabled: true },
      },
    },
  ],
};
